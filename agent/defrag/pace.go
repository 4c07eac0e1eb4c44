package defrag

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Pace is what earlier defragmentations took, the newest last. The zero value knows none.
type Pace []Sample

// Sample is one defragmentation: the size of the file before, and how long it took until the member had caught up.
type Sample struct {
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	// Missed are the windows since then in which nobody was begun, only for want of time.
	Missed int `json:"missed,omitempty"`
}

const (
	// paceKept is how many samples are believed: those of other disks, or of years ago, are forgotten.
	paceKept = 9
	// paceEnough is how many samples it takes until the slowest may be an accident: another member was frozen meanwhile.
	paceEnough = 3
	// firstPace is the guess while nothing was measured, in bytes for each second: a slow disk's.
	firstPace = 10 << 20
	// paceMargin is how much longer than the last ones the next may take.
	paceMargin = 1.5
	// paceDoubt is what each missed window leaves of an estimate: the first takes the margin away and no more.
	paceDoubt = 0.7
	// smallest is the size below which a file is mostly waiting: it would make the pace look bad.
	smallest = 16 << 20
	// handling is added for what does not depend on the size: moving leadership, catching up.
	handling = 2 * time.Second
)

// guess stands where nothing was measured and a window was missed: its estimates are those of firstPace.
var guess = Sample{Bytes: 8 * firstPace, Seconds: 8 / paceMargin}

func (s Sample) guessed() bool { return s.Bytes == guess.Bytes && s.Seconds == guess.Seconds }

// secondsPerByte is how slow it was.
func (s Sample) secondsPerByte() float64 { return s.Seconds / float64(max(s.Bytes, smallest)) }

// Estimate is how long a file of that size may take: by the slowest of the last ones, or the second slowest where there are
// enough of them, and a margin.
func (p Pace) Estimate(bytes int64) time.Duration {
	slow := 1.0 / firstPace
	if len(p) > 0 {
		slowest := slices.Clone(p)
		slices.SortFunc(slowest, func(a, b Sample) int { return cmp.Compare(b.secondsPerByte(), a.secondsPerByte()) })
		believed := slowest[0]
		if len(p) >= paceEnough {
			believed = slowest[1]
		}
		slow = believed.secondsPerByte() * paceMargin
	}
	return handling + time.Duration(slow*float64(bytes)*float64(time.Second))
}

// Hope is the estimate after windows were missed for its sake. Only who is begun is measured, so that without it an
// estimate that is too long for the window could never be found wrong.
func (p Pace) Hope(bytes int64) time.Duration {
	estimate := p.Estimate(bytes)
	if len(p) == 0 {
		return estimate
	}
	return time.Duration(float64(estimate) * math.Pow(paceDoubt, float64(p[len(p)-1].Missed)))
}

// With adds a measurement, which ends all doubt.
func (p Pace) With(s Sample) Pace {
	p = append(slices.DeleteFunc(slices.Clone(p), Sample.guessed), s)
	return p[max(0, len(p)-paceKept):]
}

// Missing adds a window in which nobody was begun, only for want of time.
func (p Pace) Missing() Pace {
	p = slices.Clone(p)
	if len(p) == 0 {
		p = Pace{guess}
	}
	p[len(p)-1].Missed++
	return p
}
