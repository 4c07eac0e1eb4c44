package defrag

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Pace holds how long earlier defragmentations took, the newest last. The zero value knows of none.
type Pace []Sample

// Sample is one defragmentation: the size of the file before, and how long it took until the member had caught up.
type Sample struct {
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	// Missed is how many windows since then began no member only because time was too short.
	Missed int `json:"missed,omitempty"`
}

const (
	// paceKept is how many samples are kept. Older ones may be of another disk.
	paceKept = 9
	// paceEnough is how many samples there must be before the slowest may be ignored as an accident, such as another
	// member that froze meanwhile.
	paceEnough = 3
	// firstPace is the assumed speed, in bytes per second, for as long as nothing was measured. It is that of
	// a slow disk.
	firstPace = 10 << 20
	// paceMargin is the factor by which the next defragmentation may be slower than the last ones.
	paceMargin = 1.5
	// paceDoubt is the share of an estimate that remains after each missed window. The first missed window
	// only takes the margin away.
	paceDoubt = 0.7
	// smallest is the size below which a defragmentation is mostly waiting, so that its sample would make the
	// pace look too slow.
	smallest = 16 << 20
	// handling is the time added for what does not depend on the size: moving leadership and catching up.
	handling = 2 * time.Second
)

// guess is the sample that is used if nothing was measured but a window was missed. Its estimates are those
// of firstPace.
var guess = Sample{Bytes: 8 * firstPace, Seconds: 8 / paceMargin}

func (s Sample) guessed() bool { return s.Bytes == guess.Bytes && s.Seconds == guess.Seconds }

// secondsPerByte is the time that a defragmentation took for each byte.
func (s Sample) secondsPerByte() float64 { return s.Seconds / float64(max(s.Bytes, smallest)) }

// Estimate returns how long a file of that size may take: at the speed of the slowest of the last samples, or of the second
// slowest if there are enough of them, plus a margin.
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

// Hope returns the estimate reduced by the windows that were missed because of it. Only a member that was begun is
// measured, so an estimate that is too long for the window could otherwise never be proven wrong.
func (p Pace) Hope(bytes int64) time.Duration {
	estimate := p.Estimate(bytes)
	if len(p) == 0 {
		return estimate
	}
	return time.Duration(float64(estimate) * math.Pow(paceDoubt, float64(p[len(p)-1].Missed)))
}

// With adds a measurement, and forgets the missed windows.
func (p Pace) With(s Sample) Pace {
	p = append(slices.DeleteFunc(slices.Clone(p), Sample.guessed), s)
	return p[max(0, len(p)-paceKept):]
}

// Missing adds a window in which no member was begun only because time was too short.
func (p Pace) Missing() Pace {
	p = slices.Clone(p)
	if len(p) == 0 {
		p = Pace{guess}
	}
	p[len(p)-1].Missed++
	return p
}
