package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const (
	serviceUnit = "etcdward.service"
	certsUnit   = "etcdward-certs.path"
	// renewUnit is what certsUnit starts.
	renewUnit = "etcdward-certs.service"
)

// start enables the agent and sees that it runs with what was written.
func (s *setup) start(ctx context.Context, p plan) error {
	units := unitsOf(p)
	if s.foreign() {
		s.talkUnlessJSON("No drop-ins were written, and nothing is started: the unit reads %s, and not %s.", defaultConfig, s.path)
		return nil
	}
	if !s.starts() {
		s.talkUnlessJSON("Not started. To start it: systemctl daemon-reload && systemctl enable --now %s", strings.Join(units, " "))
		return nil
	}
	manager := systemctl{lacking: func() []string { return lacking(s.tree, p.handed) }}
	if err := manager.apply(ctx, units, changesOf(p, s.outcome.Written)); err != nil {
		return err
	}
	s.outcome.Started = true
	s.talkUnlessJSON("%s is active, and is started at every boot.", serviceUnit)
	return nil
}

// starts says whether the agent is started in the end.
func (s *setup) starts() bool { return !s.noStart && s.root == "/" && booted() }

// booted says whether this host runs systemd.
func booted() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

func unitsOf(p plan) []string {
	if p.watching {
		return []string{serviceUnit, certsUnit}
	}
	return []string{serviceUnit}
}

// unitChanges are what systemd and a running agent have to be told of.
type unitChanges struct {
	units   bool // drop-ins were written
	restart bool // the agent cannot take it up while it runs
	reload  bool // it can
}

func changesOf(p plan, written bool) unitChanges {
	if !written {
		return unitChanges{}
	}
	return unitChanges{units: p.unitsDiffer(), restart: p.unitsDiffer() || p.renamed, reload: p.differs()}
}

// systemctl talks to systemd through the program of that name.
type systemctl struct {
	// lacking says what is wrong with the files that systemd is to hand over; nil: there are none.
	lacking func() []string
}

func (systemctl) call(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	said := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return said, err
}

// active says whether a unit runs; systemctl ends with an error where it does not.
func (c systemctl) active(ctx context.Context, unit string) bool {
	state, _ := c.call(ctx, "is-active", unit) // the word says it all
	return state == "active" || state == "reloading"
}

// apply has systemd run the units as they now are. A unit that runs and has nothing new is left alone.
func (c systemctl) apply(ctx context.Context, units []string, changes unitChanges) error {
	var steps [][]string
	if changes.units {
		steps = append(steps, []string{"daemon-reload"})
	}
	steps = append(steps, append([]string{"enable"}, units...))
	for _, unit := range units {
		switch running := c.active(ctx, unit); {
		case !running:
			steps = append(steps, []string{"start", unit})
		case changes.units, changes.restart && unit == serviceUnit:
			steps = append(steps, []string{"restart", unit})
		case changes.reload && unit == serviceUnit:
			steps = append(steps, []string{"reload", unit})
		}
	}
	for _, step := range steps {
		if _, err := c.call(ctx, step...); err != nil {
			return c.failed(ctx, err)
		}
	}
	if !c.active(ctx, serviceUnit) {
		return c.failed(ctx, errors.New("the agent was started, and does not run"))
	}
	return nil
}

// notStarted means that everything was written, and the agent does not run.
type notStarted struct{ error }

func (n notStarted) Unwrap() error { return n.error }

// Hint implements hinter.
func (notStarted) Hint() string {
	return "journalctl -u etcdward -x says why; what was written stays, and setup can be run again"
}

// exitCredentials is systemd's code for a credential that it could not hand over: 243/CREDENTIALS.
const exitCredentials = "243"

// failed adds the last words of the agent, and the file without which systemd does not start it.
func (c systemctl) failed(ctx context.Context, cause error) error {
	if status, err := c.call(ctx, "show", "--value", "-p", "ExecMainStatus", serviceUnit); err == nil && status == exitCredentials {
		what := "a credential could not be handed over"
		if c.lacking != nil {
			what = strings.Join(append([]string{what}, c.lacking()...), "; ")
		}
		cause = fmt.Errorf("%w\n%s/CREDENTIALS: %s", cause, exitCredentials, what)
	}
	out, err := exec.CommandContext(ctx, "journalctl", "-u", serviceUnit, "-n", "5", "--no-pager", "-o", "cat").Output()
	if words := strings.TrimSpace(string(out)); err == nil && words != "" {
		cause = fmt.Errorf("%w\nIts last words:\n%s", cause, words)
	}
	return notStarted{cause}
}
