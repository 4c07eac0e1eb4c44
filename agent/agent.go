// Package agent holds what every job shares: how far it is, and the outcome "done, with findings". What is done has a room of its own
// below it, one for each job.
package agent

import "errors"

// ErrPartial means that the work was done, but not everywhere or not without findings: one store of
// several failed, a check found damage, a removal was held. The error's text says what.
var ErrPartial = errors.New("done, with findings")

// Progress is told how far a step of the work is: bytes done, and expected; total 0: unknown. It may be nil.
type Progress func(step string, done, total int64)

// Report tells that a step is so far.
func (p Progress) Report(step string, done, total int64) {
	if p != nil {
		p(step, done, total)
	}
}

// Step returns the progress of one step.
func (p Progress) Step(step string) func(done, total int64) {
	return func(done, total int64) { p.Report(step, done, total) }
}

// Count returns a writer that reports the bytes which pass it as the progress of a step.
func (p Progress) Count(step string, total int64) *Counter {
	return &Counter{report: p.Step(step), total: total}
}

// Counter is an io.Writer that counts, and keeps nothing.
type Counter struct {
	report      func(done, total int64)
	total, done int64
}

func (c *Counter) Write(b []byte) (int, error) {
	c.done += int64(len(b))
	c.report(c.done, c.total)
	return len(b), nil
}
