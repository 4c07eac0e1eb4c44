package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/setup"
	"github.com/etcdward/etcdward/agent/setup/unit"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// setupUI is setup's UI on a terminal. If the output is for programs it shows nothing on the way.
type setupUI struct {
	*cli
	asker *terminal.Asker
}

// Ask implements setup.UI.
func (u *setupUI) Ask(ctx context.Context, question, proposal string) (string, error) {
	return u.asker.Ask(ctx, question, proposal)
}

// Confirm implements setup.UI.
func (u *setupUI) Confirm(ctx context.Context) (bool, error) {
	answer, err := u.asker.Ask(ctx, "Write this? yes or no", "no")
	return answer == "yes" || answer == "y", err
}

// Report implements setup.UI.
func (u *setupUI) Report(e setup.Event) {
	if u.json() {
		return
	}
	switch e := e.(type) {
	case setup.Found:
		u.printHost(e.Host)
	case setup.Planned:
		u.printChanges(e)
	case setup.Tried:
		u.printCheck(e)
	case setup.Noted:
		u.say("Note: %s.", e.Note)
	case setup.Started:
		u.talkOfAgent(e)
	}
}

// say writes a line of the report.
func (cli *cli) say(format string, args ...any) {
	fmt.Fprintf(cli.out, format+"\n", args...)
}

func (u *setupUI) printHost(h discover.Host) {
	u.say("Found etcd (%s)", h.Kind)
	for _, f := range [][2]string{{"member", h.Member}, {"data", h.DataDir}, {"endpoint", strings.Join(h.Endpoints, ", ")}, {"CA", h.CAFile},
		{"certificate", h.CertFile}, {"key", h.KeyFile}, {"metrics", h.MetricsURL}, {"seen in", strings.Join(h.Seen, ", ")}} {
		if f[1] != "" {
			u.say("  %-12s %s", f[0], f[1])
		}
	}
	for _, note := range h.Notes {
		u.say("  Note: %s.", note)
	}
}

func (u *setupUI) printChanges(p setup.Planned) {
	differs := false
	for _, c := range p.Changes {
		if c.Differs() {
			differs = true
			u.say("\n%s", strings.TrimSuffix(terminal.UnifiedDiff(c.Path, c.Before, c.After), "\n"))
		}
	}
	if !differs {
		u.say("\nNothing differs: no file is changed.")
		return
	}
	u.say("")
	for _, note := range p.Notes {
		u.say("Note: %s.", note)
	}
}

func (u *setupUI) printCheck(t setup.Tried) {
	if !t.OK {
		u.say("FAILED  %s", t.Name) // the error says why
		return
	}
	u.say("ok      %s: %s", t.Name, t.Detail)
	for _, m := range t.Members {
		u.say("          %-10s %-10s %-8s %s", m.Name, m.Role, m.Version, m.Endpoint)
	}
}

func (u *setupUI) talkOfAgent(s setup.Started) {
	switch {
	case s.Foreign != "":
		u.talk("No drop-ins were written, and nothing is started: the unit reads %s, and not %s.", defaultConfig, s.Foreign)
	case s.Active:
		u.talk("%s is active, and is started at every boot.", unit.Service)
	default:
		u.talk("Not started. To start it: systemctl daemon-reload && systemctl enable --now %s", strings.Join(s.Units, " "))
	}
}

// printNext shows what comes next.
func (cli *cli) printNext(o setup.Outcome) {
	if o.DryRun {
		var stores []string
		for _, store := range o.Config.Stores {
			stores = append(stores, "store "+store.Name+" ("+store.Kind()+")")
		}
		cli.say("A dry run: nothing was changed, and nothing tried. To be tried: the cluster at %s; writing to, reading from and removing from %s.",
			strings.Join(o.Config.Cluster.Endpoints, ", "), strings.Join(stores, ", "))
		if !o.Foreign {
			cli.say("Then: systemctl enable --now %s", strings.Join(o.Units, " "))
		}
		return
	}
	if o.NextSnapshot.IsZero() {
		cli.say("Next snapshot:  none by itself, snapshot.schedule is off")
	} else {
		cli.say("Next snapshot:  %s (%s)", terminal.Time(o.NextSnapshot), o.Config.Snapshot.Schedule)
	}
	cli.say("To restore:     %s", restoreCommandLine)
	if o.Others != nil {
		before := ""
		if o.Others.CopyConfig {
			before = "copy " + o.Path + " there, then "
		}
		cli.say("Other hosts:    the same on every host of the control plane: %s%s", before, setupCommandLine(o.Others.Request))
	}
}
