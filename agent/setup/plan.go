package setup

import (
	"fmt"
	"maps"
	"slices"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// plan is what setup makes of a host.
type plan struct {
	cfg *config.Config
	// sources are the files behind the credentials that cfg names; "": it comes from no plain file.
	sources map[string]string
	// handed are the files that systemd hands over, and without which the agent does not start.
	handed []unit.Handed
	// changes in the order in which they are written. The configuration is last, because nothing works without the others.
	changes  []Change
	renamed  bool // the cluster has another name than before
	watching bool // there are certificates to watch
	amends   bool // a configuration was there, so that the request does not hold all of it
}

func (p plan) differs() bool { return slices.ContainsFunc(p.changes, Change.Differs) }

// unitsDiffer reports whether systemd has to read its units anew.
func (p plan) unitsDiffer() bool {
	return slices.ContainsFunc(p.changes[:len(p.changes)-1], Change.Differs)
}

// units are those that run for the configuration.
func (p plan) units() []string {
	if p.watching {
		return []string{unit.Service, unit.Certs}
	}
	return []string{unit.Service}
}

// plan decides what is written, and checks it. It writes nothing, and asks neither the cluster nor a store.
func (s *setup) plan() (plan, error) {
	old := s.current.config
	after, fromFlags, err := newConfig(s.current.text, old, s.etcd, s.Request, s.handOver()...)
	if err != nil {
		return plan{}, err
	}
	p := plan{amends: old != nil}
	if p.cfg, err = config.Parse(s.host.Path(s.path), after); err != nil {
		return plan{}, fault.Usage(fmt.Errorf("the configuration would be invalid: %w", err)) // what was there is one
	}
	wanted, err := s.wantedCredentials(p.cfg)
	if err != nil {
		return plan{}, err
	}
	maps.Copy(wanted, fromFlags)
	var write []string
	if p.sources, write, err = s.current.service.Resolve(p.cfg, wanted); err != nil {
		return plan{}, err
	}
	p.handed = s.current.service.Handed(p.sources, write)
	p.renamed = old != nil && old.Cluster.Name != p.cfg.Cluster.Name
	if !s.foreign() {
		if err := s.checkFit(p.cfg); err != nil {
			return plan{}, err
		}
		s.planUnits(&p, write)
	}
	p.changes = append(p.changes, s.change(s.path, s.current.text, after))
	return p, nil
}

// planUnits adds the drop-ins. write are the credentials for that of the service.
func (s *setup) planUnits(p *plan, write []string) {
	service, certs, renew := &s.current.service, &s.current.certs, &s.current.renew
	watched := unit.Watched(p.cfg, p.sources)
	p.watching = len(watched) > 0
	renewed := renew.Text
	if p.watching || renewed != nil {
		renewed = renew.RenewText(p.handed)
	}
	p.changes = []Change{
		s.change(service.Path, service.Text, service.ServiceText(p.cfg, p.sources, write)),
		s.change(certs.Path, certs.Text, certs.WatchText(watched)),
		s.change(renew.Path, renew.Text, renewed),
	}
}

func (s *setup) change(path string, before, after []byte) Change {
	return Change{Path: s.host.Path(path), Before: before, After: after, onHost: path}
}

// notes are what the operator should know of the changes.
func (s *setup) notes(p plan) []string {
	if !p.differs() {
		return nil
	}
	notes := p.cfg.Warnings()
	for _, store := range p.cfg.Stores {
		if store.S3 != nil && store.S3.CredentialsFile == "" || store.GCS != nil && store.GCS.CredentialsFile == "" {
			notes = append(notes, "store "+store.Name+": the agent uses the credentials that the host offers, and not those of this shell")
		}
	}
	if len(p.cfg.Snapshot.Recipients) == 0 {
		notes = append(notes, "snapshot.recipients: none, so that the backups are not encrypted")
	}
	return notes
}
