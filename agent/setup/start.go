package setup

import (
	"context"

	"github.com/etcdward/etcdward/agent/setup/systemctl"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// start enables the agent and sees to it that it runs with what was written.
func (s *setup) start(ctx context.Context, p plan) error {
	switch {
	case s.foreign():
		s.report(Started{Foreign: s.path})
		return nil
	case !s.starts():
		s.report(Started{Units: p.units()})
		return nil
	}
	systemd := systemctl.Manager{Lacking: func() []string { return unit.Lacking(s.host, p.handed) }}
	if err := systemd.Apply(ctx, p.units(), changesOf(p, s.outcome.Written)); err != nil {
		return err
	}
	s.report(Started{Units: p.units(), Active: true})
	return nil
}

// starts reports whether the agent is started in the end.
func (s *setup) starts() bool { return !s.NoStart && s.host.Live() && systemctl.Booted() }

func changesOf(p plan, written bool) systemctl.Changes {
	if !written {
		return systemctl.Changes{}
	}
	return systemctl.Changes{Units: p.unitsDiffer(), Restart: p.unitsDiffer() || p.renamed, Reload: p.differs()}
}
