package prune

import (
	"context"
	"time"
)

// Report is what became of one store, or would become of it, for people and programs.
type Report struct {
	Store     string   `json:"store"`
	Held      string   `json:"held,omitempty"`
	Snapshots []Judged `json:"snapshots"`
	Orphans   []string `json:"orphans"`
	Removed   []string `json:"removed"`
	// Skipped are snapshots that the store refused to remove, with its reason.
	Skipped map[string]string `json:"skipped"`
	Error   string            `json:"error,omitempty"`

	read bool // the contents of the store are known
}

// Judged is one snapshot of a Report, by its ID.
type Judged struct {
	ID      string   `json:"id"`
	Keep    bool     `json:"keep"`
	Proven  bool     `json:"proven"`
	Reasons []string `json:"reasons"`
}

// Known reports whether the store could be read. If not, Error tells why, and nothing follows from the rest.
func (r Report) Known() bool { return r.read }

// Report plans and, if that is confirmed, carries the plan out. The error is that of Plan, HeldError or Apply; the report has it too.
func (p *Pruner) Report(ctx context.Context, confirmed bool) (r Report, err error) {
	r = Report{Store: p.Store.Name, Snapshots: []Judged{}, Orphans: []string{}, Removed: []string{}, Skipped: map[string]string{}}
	defer func() {
		if err != nil {
			r.Error = err.Error()
		}
	}()
	plan, err := p.Plan(ctx, time.Now())
	if err != nil {
		return r, err
	}
	r.Held, r.read = plan.Held, true
	r.Orphans = append(r.Orphans, plan.Orphans...)
	for _, d := range plan.Decisions {
		r.Snapshots = append(r.Snapshots, Judged{d.Entry.ID.String(), d.Keep, d.Proven, d.Reasons})
	}
	if !confirmed {
		return r, plan.HeldError()
	}
	done, err := p.Apply(ctx, plan)
	r.Removed = append(r.Removed, done.Removed...)
	for id, cause := range done.Skipped {
		r.Skipped[id] = cause.Error()
	}
	return r, err
}
