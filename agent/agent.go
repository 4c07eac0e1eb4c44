// Package agent holds what every job shares: its progress, and the outcome "done, with findings". Each job has its own package below
// this one.
package agent

import "errors"

// ErrPartial means that the work was done, but not everywhere or not without findings: for example, one store
// of several failed, a check found damage, or a removal was held back. The text of the error says which.
var ErrPartial = errors.New("done, with findings")

// Progress is called with the progress of a step: the bytes done and the bytes expected; a total of 0 means
// that it is not known. It may be nil.
type Progress func(step string, done, total int64)

// Report passes the progress of a step on.
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

// Counter is an io.Writer that counts the bytes and discards them.
type Counter struct {
	report      func(done, total int64)
	total, done int64
}

func (c *Counter) Write(b []byte) (int, error) {
	c.done += int64(len(b))
	c.report(c.done, c.total)
	return len(b), nil
}
