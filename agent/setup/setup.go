// Package setup makes a host ready for the agent: it finds the host's etcd, edits the configuration, writes the drop-ins of the agent's
// units, and starts the agent. It knows no flags' parser and prints nothing: a UI answers its questions and shows what it reports.
//
// Its one invariant: nothing is written before everything that can be tried was tried and the changes were confirmed. Run again with the
// same request it writes nothing.
package setup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/hostfs"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// setup is one run.
type setup struct {
	Request
	ui   UI
	host *hostfs.Host
	// path is that of the configuration, on the host.
	path    string
	etcd    discover.Host
	current current
	outcome Outcome
}

// current is what the host has of the files that setup writes.
type current struct {
	text   []byte         // of the configuration
	config *config.Config // nil: the text is empty, but for comments
	// service hands the secrets over, certs has them watched, renew has them taken up.
	service, certs, renew unit.DropIn
}

// Run sets a host up as the request asks for, and reports to ui on the way. The outcome is whole if the error is nil.
func Run(ctx context.Context, r Request, ui UI) (outcome Outcome, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("setup: %w", err)
		}
	}()
	if r.Root, err = filepath.Abs(r.Root); err != nil {
		return Outcome{}, err
	}
	if err := mayWrite(os.Geteuid(), r); err != nil {
		return Outcome{}, err
	}
	path, err := r.configOnHost()
	if err != nil {
		return Outcome{}, err
	}
	host, err := hostfs.Open(r.Root)
	if err != nil {
		return Outcome{}, fmt.Errorf("find etcd: %w", err)
	}
	defer func() { _ = host.Close() }() // every file that was written is closed by now
	s := &setup{Request: r, ui: ui, host: host, path: path}
	err = s.run(ctx)
	return s.outcome, err
}

func (s *setup) run(ctx context.Context) (err error) {
	if s.current, err = s.readCurrent(); err != nil {
		return err
	}
	if s.etcd, err = s.findEtcd(); err != nil {
		return err
	}
	s.report(Found{s.etcd})
	if err := s.complete(ctx); err != nil {
		return err
	}
	p, err := s.plan()
	if err != nil {
		return err
	}
	s.report(Planned{Changes: p.changes, Notes: s.notes(p)})
	if err := s.checkHanded(p); err != nil {
		return err
	}
	if s.DryRun {
		return s.finish(p)
	}
	if p.differs() {
		if err := s.carryOut(ctx, p); err != nil {
			return err
		}
	}
	if err := s.start(ctx, p); err != nil {
		return err
	}
	return s.finish(p)
}

// carryOut tries what can be tried, asks, and writes.
func (s *setup) carryOut(ctx context.Context, p plan) error {
	if !s.NoCheck {
		if err := s.try(ctx, p); err != nil {
			return err
		}
	}
	if err := s.confirm(ctx); err != nil {
		return err
	}
	for _, c := range p.changes {
		if !c.Differs() {
			continue
		}
		if err := s.host.Replace(c.onHost, c.After); err != nil {
			return err
		}
	}
	s.outcome.Written = true
	return nil
}

// readCurrent reads the files that are there.
func (s *setup) readCurrent() (c current, err error) {
	if c.text, err = s.host.Current(s.path); err != nil {
		return current{}, err
	}
	if hasContent(c.text) {
		if c.config, err = config.Parse(s.host.Path(s.path), c.text); err != nil {
			return current{}, fault.Config(err)
		}
	}
	for name, d := range map[string]*unit.DropIn{unit.Service: &c.service, unit.Certs: &c.certs, unit.Renew: &c.renew} {
		if *d, err = unit.Read(s.host, name); err != nil {
			return current{}, err
		}
	}
	return c, nil
}

// foreign reports whether the configuration is one that the agent's unit does not read.
func (s *setup) foreign() bool { return s.path != unit.Config }

// now is the time of the run, for names and for what comes next.
func (s *setup) now() time.Time { return time.Now().UTC() }
