// Package source finds where a restore's snapshot and members come from: a store, a file, a living cluster, a host's manifests. It
// knows neither flags nor the configuration.
//
// Its one invariant: a plan is made of a snapshot whose every check held, and whatever could not be looked at on the way is told.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

// Planner makes plans.
type Planner struct {
	// ClusterName that the plan is for.
	ClusterName string
	// Stores that the snapshot is looked for in. Every revision in them, and in Known, counts as seen.
	Stores, Known []stores.Store
	// Cluster connects to the etcd of the configuration; nil: there is none to ask.
	Cluster func() (Cluster, error)
	// Tell hears what was found and what could not be looked at.
	Tell func(format string, args ...any)
}

// Request is what a plan is to be of.
type Request struct {
	// Ref is the snapshot in the stores, by ID or stores.Latest; File is a plain snapshot file in its place, or "".
	Ref, File string
	// DataDirOf is the member whose data directory on this host is all that is left; its database is copied to File. "": none.
	DataDirOf string
	// At is when the stores still had it; zero: now.
	At time.Time
	// Members as the operator gave them; none: they are found.
	Members []plan.Member
	// Manifests is the folder of this host's static pods. DataDir is that of the members if nothing else tells.
	Manifests, DataDir string
	// DataDirGiven: the operator named DataDir, which counts more than the manifests then.
	DataDirGiven bool
	// RevisionBump 0: what it takes.
	RevisionBump int64
}

// Plan finds the snapshot and the members, and decides on the plan.
func (p *Planner) Plan(ctx context.Context, r Request, now time.Time) (made plan.Plan, err error) {
	if r.DataDirOf != "" {
		if err := p.copyDatabase(ctx, r); err != nil {
			return plan.Plan{}, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(r.File)) // nothing names the copy
			}
		}()
	}
	source, origin, err := p.snapshot(ctx, r)
	if err != nil {
		return plan.Plan{}, err
	}
	members, highest, err := p.members(ctx, r, origin)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.New(plan.Draft{Cluster: p.ClusterName, Source: source, Members: members,
		HighestRevision: max(highest, p.highestStored(ctx)), RevisionBump: r.RevisionBump}, now)
}

// snapshot finds it. Of one in a store the file is not at hand, and so its origin is not known here.
func (p *Planner) snapshot(ctx context.Context, r Request) (plan.Source, snapshot.Origin, error) {
	if r.File != "" {
		return p.file(ctx, r)
	}
	source, err := p.stored(ctx, r)
	return source, snapshot.Origin{}, err
}

// stored finds the snapshot in the stores.
func (p *Planner) stored(ctx context.Context, r Request) (plan.Source, error) {
	found, err := stores.Find(ctx, p.Stores, r.Ref)
	if err != nil {
		return plan.Source{}, err
	}
	m := found.Manifest
	if !m.Proven() {
		return plan.Source{}, fmt.Errorf("snapshot %s: %w: not every check of its own held; etcdward show %s", m.ID, snapshot.ErrDamaged, m.ID)
	}
	if err := p.notedDamage(ctx, found); err != nil {
		return plan.Source{}, err
	}
	if along := snapshot.BroughtAlong(m.Checks); along != "" {
		p.Tell("WARNING: a restore of this snapshot brings along: %s. apply says what that means; docs/restore.md has more.", along)
	}
	return Stored(found, r.At), nil
}

// Stored is a snapshot in a store as a plan names it. at is when the store still had it; zero: now.
func Stored(found stores.Found, at time.Time) plan.Source {
	m := found.Manifest
	return plan.Source{ID: m.ID, Store: found.Store.Name, At: at, SHA256: m.SHA256, SizeBytes: m.SizeBytes, TakenAt: m.TakenAt, Revision: m.Revision,
		TotalKeys: m.TotalKeys, Encrypted: m.Object.Encryption == seal.Age, EtcdVersion: m.Member.Version, StorageVersion: m.StorageVersion}
}

// notedDamage refuses a snapshot that was found damaged in its store when it was read back. A plan goes to every host before an apply
// would find that out again.
func (p *Planner) notedDamage(ctx context.Context, found stores.Found) error {
	proofs, err := found.Store.Catalog.Proofs(ctx, found.Entry.ID)
	if err != nil {
		p.Tell("What was found of it later cannot be read: %v", err) // apply holds the file to the plan in any case
	}
	if len(proofs) == 0 || proofs[len(proofs)-1].Check.OK {
		return nil
	}
	return fault.WithHint(fmt.Errorf("snapshot %s in store %s: %w: a read-back found: %s", found.Manifest.ID, found.Store.Name, snapshot.ErrDamaged,
		proofs[len(proofs)-1].Check.Detail), "etcdward list shows others; --store NAME takes it from another store")
}

// file examines a plain snapshot file, or a bare database.
func (p *Planner) file(ctx context.Context, r Request) (plan.Source, snapshot.Origin, error) {
	path, err := filepath.Abs(r.File)
	if err != nil {
		return plan.Source{}, snapshot.Origin{}, err
	}
	exam, err := snapshot.ExamineAny(ctx, path, 0)
	if err != nil {
		return plan.Source{}, snapshot.Origin{}, err
	}
	if err := exam.Err(); err != nil && !exam.Bare {
		return plan.Source{}, snapshot.Origin{}, fmt.Errorf("%s: %w", path, err)
	}
	if exam.Bare {
		p.Tell("WARNING: %s is unproven: a bare database, without the SHA-256 that etcd gives a snapshot. Its pages hold. Take it if nothing better is left (etcdward list).", path)
	}
	for _, warning := range plan.Warnings(exam.Origin) {
		p.Tell("WARNING: %s.", warning)
	}
	if r.DataDirOf != "" {
		if err := checkMember(r.DataDirOf, exam.Origin); err != nil {
			return plan.Source{}, snapshot.Origin{}, fault.Usage(err)
		}
	}
	f := exam.Facts
	return plan.Source{File: path, Bare: exam.Bare, SHA256: f.SHA256, SizeBytes: f.SizeBytes, Revision: f.Revision, TotalKeys: f.TotalKeys,
		EtcdVersion: exam.Origin.ClusterVersion, StorageVersion: f.StorageVersion}, exam.Origin, nil
}

// highestStored is the newest revision in any store. A store that cannot be read is named.
func (p *Planner) highestStored(ctx context.Context) int64 {
	highest := int64(0)
	for _, s := range append(append([]stores.Store(nil), p.Known...), p.Stores...) {
		listing, err := s.Catalog.List(ctx)
		if err != nil {
			p.Tell("Store %s cannot be read, so revisions that only it knows are not counted: %v", s.Name, err)
			continue
		}
		for _, e := range listing.Snapshots {
			highest = max(highest, e.ID.Revision)
		}
	}
	return highest
}

// errNoCluster means that there is no etcd to ask.
var errNoCluster = errors.New("no configuration names an etcd")
