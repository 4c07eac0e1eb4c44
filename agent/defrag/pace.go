package defrag

import "time"

// Pace is what earlier defragmentations took, the newest last. The zero value knows none.
type Pace []Sample

// Sample is one defragmentation: the size of the file before, and how long it took until the member had caught up.
type Sample struct {
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

const (
	// paceKept is how many samples are believed: those of other disks, or of years ago, are forgotten.
	paceKept = 9
	// firstPace is the guess while nothing was measured, in bytes for each second: a slow disk's.
	firstPace = 10 << 20
	// paceMargin is how much longer than any of the last one the next may take.
	paceMargin = 1.5
	// smallest is the size below which a file is mostly waiting: it would make the pace look bad.
	smallest = 16 << 20
	// handling is added for what does not depend on the size: moving leadership, catching up.
	handling = 2 * time.Second
)

// Estimate is how long a file of that size may take: by the slowest of the last ones, and a margin.
func (p Pace) Estimate(bytes int64) time.Duration {
	slowest := 1.0 / firstPace
	if len(p) > 0 {
		slowest = 0
		for _, s := range p {
			slowest = max(slowest, s.Seconds/float64(max(s.Bytes, smallest)))
		}
		slowest *= paceMargin
	}
	return handling + time.Duration(slowest*float64(bytes)*float64(time.Second))
}

// With adds a measurement.
func (p Pace) With(s Sample) Pace {
	p = append(p[:len(p):len(p)], s)
	return p[max(0, len(p)-paceKept):]
}
