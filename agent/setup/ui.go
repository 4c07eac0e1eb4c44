package setup

import (
	"context"

	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/etcd"
)

// UI is whoever setup talks to.
type UI interface {
	// Ask returns the answer to a question; the proposal, if there is one, stands for an empty answer. It is called only if somebody
	// attends, and returns the context's error if that ends first.
	Ask(ctx context.Context, question, proposal string) (string, error)
	// Confirm reports whether the changes that were planned are wanted. It is called only if somebody attends.
	Confirm(ctx context.Context) (bool, error)
	// Report shows what setup found or did.
	Report(Event)
}

// Event is something to report: [Found], [Planned], [Tried], [Noted] or [Started].
type Event interface{ event() }

// Found is the etcd of the host, as it will be used.
type Found struct{ Host discover.Host }

// Planned are the files that setup keeps, in the order in which they are written.
type Planned struct {
	Changes []Change
	// Notes are what the operator should know of the changes; none if no file differs.
	Notes []string
}

// Tried is one thing that was tried.
type Tried struct {
	Check
	// Members of the cluster, if that was tried and answered.
	Members []etcd.Member
}

// Noted is something that the operator should know.
type Noted struct{ Note string }

// Started is what became of the agent.
type Started struct {
	// Units that run now, or that are to be started by hand.
	Units []string
	// Active reports whether they run. Foreign is set if they do not because the agent's unit does not read this configuration, whose path
	// on the host it is.
	Active  bool
	Foreign string
}

func (Found) event()   {}
func (Planned) event() {}
func (Tried) event()   {}
func (Noted) event()   {}
func (Started) event() {}

// report shows an event and keeps it for the outcome.
func (s *setup) report(e Event) {
	s.outcome.add(e)
	s.ui.Report(e)
}
