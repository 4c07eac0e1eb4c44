package view

import (
	"fmt"
	"io"

	"github.com/etcdward/etcdward/agent/verify"
)

// Reading writes one line about a snapshot of a pass over whole stores.
func Reading(w io.Writer, r verify.Reading) {
	what := r.Error
	for _, c := range r.Checks {
		if !c.OK || what == "" {
			what = c.Name + ": " + c.Detail
		}
		if !c.OK {
			break
		}
	}
	level := ""
	if r.Level > 0 {
		level = fmt.Sprintf("level %d", r.Level)
	}
	fmt.Fprintf(w, "%-12s  %s  %-11s  %-7s  %s\n", r.Store, r.ID, r.Word(), level, what)
}
