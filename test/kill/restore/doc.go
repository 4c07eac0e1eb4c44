// Package restore kills restores of the real binary at random moments: the data directory is the old one, whole, or the new one.
package restore
