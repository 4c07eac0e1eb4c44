// Package agent holds the jobs: one struct with one Run each, put together by the composition root.
// It knows the steps of the work, and leaves to the packages below it how each is done and to
// package schedule when.
//
// Its one invariant: nothing is committed that was not checked, and nothing is removed before something
// newer is proven.
package agent

import (
	"errors"
	"log/slog"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
)

// Store is a place where snapshots of this cluster are kept.
type Store struct {
	Name      string
	Catalog   *catalog.Catalog
	Retention retention.Policy
	// Log is told what a search passed over; nil: nobody is.
	Log *slog.Logger
}

func (s Store) warn(message string, args ...any) {
	if s.Log != nil {
		s.Log.Warn(message, args...)
	}
}

// ErrPartial means that the work was done, but not everywhere or not without findings: one store of
// several failed, a check found damage, a removal was held. The error's text says what.
var ErrPartial = errors.New("done, with findings")

// Progress is told how far a step of the work is: bytes done, and expected; total 0: unknown. It may be nil.
type Progress func(step string, done, total int64)

func (p Progress) report(step string, done, total int64) {
	if p != nil {
		p(step, done, total)
	}
}

// reader gives a func for one step.
func (p Progress) step(step string) func(done, total int64) {
	return func(done, total int64) { p.report(step, done, total) }
}
