// Package restore kills restores of the real binary at random moments. Afterwards the data directory must be the complete old
// one or the complete new one.
package restore
