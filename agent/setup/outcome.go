package setup

import (
	"bytes"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/etcd"
)

// Outcome is what a run found and did: everything that was reported, and what comes next.
type Outcome struct {
	Host    discover.Host
	Changes []Change
	Checks  []Check
	Members []etcd.Member
	Notes   []string
	// Config is the configuration that the host has now or, after a dry run, would have.
	Config *config.Config
	// Path is where the host has it. Foreign reports whether the agent's unit does not read it.
	Path    string
	Foreign bool
	// Units are those that run for it.
	Units                    []string
	DryRun, Written, Started bool
	// NextSnapshot is zero if the schedule is off.
	NextSnapshot time.Time
	// Others is the request for the other hosts of the cluster; nil if nothing differs.
	Others *Others
}

// Others is what sets another host of the cluster up like this one.
type Others struct {
	Request
	// CopyConfig reports whether the configuration has to be copied there first, because the request does not hold all of it.
	CopyConfig bool
}

// Change is one file before and after. A nil text means that there is no file.
type Change struct {
	// Path is where the file is for this process.
	Path          string
	Before, After []byte
	onHost        string
}

// Differs reports whether the file is written.
func (c Change) Differs() bool { return !bytes.Equal(c.Before, c.After) }

// Check is one thing that was tried.
type Check struct {
	Name string
	OK   bool
	// Detail describes the outcome in a line, for a failure why.
	Detail string
}

func (o *Outcome) add(e Event) {
	switch e := e.(type) {
	case Found:
		o.Host = e.Host
		o.Notes = append(o.Notes, e.Host.Notes...)
	case Planned:
		o.Changes = e.Changes
		o.Notes = append(o.Notes, e.Notes...)
	case Tried:
		o.Checks = append(o.Checks, e.Check)
		if e.Members != nil {
			o.Members = e.Members
		}
	case Noted:
		o.Notes = append(o.Notes, e.Note)
	case Started:
		o.Started = e.Active
	}
}

// finish completes the outcome with what comes next.
func (s *setup) finish(p plan) error {
	s.outcome.Config, s.outcome.Path, s.outcome.Foreign = p.cfg, s.path, s.foreign()
	s.outcome.DryRun = s.DryRun
	s.outcome.Units = p.units()
	if next := p.cfg.Snapshot.Schedule.Next(s.now()); !next.IsZero() {
		s.outcome.NextSnapshot = next.UTC()
	}
	if p.differs() {
		s.outcome.Others = s.others(p)
	}
	return nil
}

// others is the request of this run or, if a configuration was there before, one for a host that was given a copy of the new one.
func (s *setup) others(p plan) *Others {
	o := Others{Request: Request{Yes: true, Endpoints: s.Endpoints, CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile}, CopyConfig: p.amends}
	if s.foreign() {
		o.Config, o.NoStart = s.path, true
	}
	if p.amends {
		for _, f := range p.cfg.Files()[3:] { // every host finds those of etcd itself
			if name, is := f.Credential(); is && p.sources[name] != "" {
				o.Credentials = append(o.Credentials, name+"="+p.sources[name])
			}
		}
		return &o
	}
	o.Name = p.cfg.Cluster.Name
	o.S3, o.S3Keys, o.GCS, o.GCSKeys, o.Directory = s.S3, s.S3Keys, s.GCS, s.GCSKeys, s.Directory
	o.Recipients, o.Credentials = s.Recipients, s.Credentials
	return &o
}
