// Package systemctl has systemd run the agent's units, through the program of that name. It does not know what the units say.
package systemctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// Booted reports whether this host runs systemd.
func Booted() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

// Changes are what systemd and a running agent have to learn of.
type Changes struct {
	Units   bool // drop-ins were written
	Restart bool // the agent cannot take it up while it runs
	Reload  bool // the agent can take it up while it runs
}

// Manager is the systemd of this host.
type Manager struct {
	// Lacking reports what is wrong with the files that systemd hands over to the agent; nil: there are none.
	Lacking func() []string
}

// Apply enables the units, and has systemd run them as they are now. A unit that runs is left alone if nothing changed for it.
func (m Manager) Apply(ctx context.Context, units []string, changes Changes) error {
	for _, step := range m.steps(ctx, units, changes) {
		if _, err := m.call(ctx, step...); err != nil {
			return m.notRunning(ctx, err)
		}
	}
	if !m.active(ctx, unit.Service) {
		return m.notRunning(ctx, errors.New("the agent was started, but does not run"))
	}
	return nil
}

// steps are the calls that are needed, in order.
func (m Manager) steps(ctx context.Context, units []string, changes Changes) [][]string {
	var steps [][]string
	if changes.Units {
		steps = append(steps, []string{"daemon-reload"})
	}
	steps = append(steps, append([]string{"enable"}, units...))
	for _, name := range units {
		switch running := m.active(ctx, name); {
		case !running:
			steps = append(steps, []string{"start", name})
		case changes.Units, changes.Restart && name == unit.Service:
			steps = append(steps, []string{"restart", name})
		case changes.Reload && name == unit.Service:
			steps = append(steps, []string{"reload", name})
		}
	}
	return steps
}

func (Manager) call(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	said := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return said, err
}

// active reports whether a unit runs. systemctl ends with an error if it does not, so the word alone counts.
func (m Manager) active(ctx context.Context, name string) bool {
	state, _ := m.call(ctx, "is-active", name)
	return state == "active" || state == "reloading"
}

// exitCredentials is systemd's code for a credential that it could not hand over: 243/CREDENTIALS.
const exitCredentials = "243"

// notRunning adds to a cause what the agent logged last, and the file for want of which systemd does not start it.
func (m Manager) notRunning(ctx context.Context, cause error) error {
	if status, err := m.call(ctx, "show", "--value", "-p", "ExecMainStatus", unit.Service); err == nil && status == exitCredentials {
		what := "a credential could not be handed over"
		if m.Lacking != nil {
			what = strings.Join(append([]string{what}, m.Lacking()...), "; ")
		}
		cause = fmt.Errorf("%w\n%s/CREDENTIALS: %s", cause, exitCredentials, what)
	}
	out, err := exec.CommandContext(ctx, "journalctl", "-u", unit.Service, "-n", "5", "--no-pager", "-o", "cat").Output()
	if words := strings.TrimSpace(string(out)); err == nil && words != "" {
		cause = fmt.Errorf("%w\nThe last lines of its log:\n%s", cause, words)
	}
	return fault.WithHint(cause, "journalctl -u etcdward -x says why; what was written stays, and setup can be run again")
}
