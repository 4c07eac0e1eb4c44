// Package extract kills extractions of the real binary at random moments. What was not finished must be seen as such.
package extract
