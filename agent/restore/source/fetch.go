package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
)

// Fetcher brings the snapshot of a plan to this host.
type Fetcher struct {
	// Folder that it lies in while it is used.
	Folder string
	// Open makes the stores ready, as of the plan's time, and a job that fetches from them. It is asked only if the file is not there from
	// an earlier run. Close lets go of what it opened.
	Open func(plan.Source) (all []stores.Store, job fetch.Fetcher, close func() error, err error)
	// Tell hears of stores that did not give it.
	Tell func(format string, args ...any)
}

// Path is where the plan's snapshot lies while it is used.
func (f Fetcher) Path(p plan.Plan) string { return filepath.Join(f.Folder, p.Snapshot.SHA256+".db") }

// Discard removes what was fetched: it holds every Secret of the cluster. Only a run that was killed leaves it, for the next.
func (f Fetcher) Discard(p plan.Plan) error {
	if err := os.Remove(f.Path(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Run brings the plan's snapshot from whichever store has it, the plan's own first, to Path, and returns that.
func (f Fetcher) Run(ctx context.Context, p plan.Plan) (path string, err error) {
	path = f.Path(p)
	if _, err := p.CheckFile(ctx, path); err == nil {
		return path, nil
	}
	if err := f.Discard(p); err != nil {
		return path, err
	}
	all, job, done, err := f.Open(p.Snapshot)
	if err != nil {
		return path, err
	}
	defer func() { err = errors.Join(err, done()) }()
	area, err := staging.Open(f.Folder)
	if err != nil {
		return path, err
	}
	if _, err := area.SweepPrefix(ctx, "."); err != nil {
		return path, err
	}
	return path, f.fromAny(ctx, ownFirst(all, p.Snapshot.Store), p, job)
}

// ownFirst puts the store of the plan before the others.
func ownFirst(all []stores.Store, name string) []stores.Store {
	var own, others []stores.Store
	for _, s := range all {
		if s.Name == name {
			own = append(own, s)
		} else {
			others = append(others, s)
		}
	}
	return slices.Concat(own, others)
}

// fromAny tries one store after the other.
func (f Fetcher) fromAny(ctx context.Context, all []stores.Store, p plan.Plan, job fetch.Fetcher) error {
	var failed, absent error
	for _, store := range all {
		err := fetchFrom(ctx, store, p, job, f.Path(p))
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, catalog.ErrNotFound):
			absent = err
		default:
			failed = errors.Join(failed, fmt.Errorf("store %s: %w", store.Name, err))
			f.Tell("Store %s did not give it: %v", store.Name, err)
		}
	}
	return cmp.Or(failed, absent)
}

// fetchFrom brings the plan's snapshot from one store.
func fetchFrom(ctx context.Context, store stores.Store, p plan.Plan, job fetch.Fetcher, path string) error {
	found, err := stores.Find(ctx, []stores.Store{store}, p.Snapshot.ID)
	if err != nil {
		return err
	}
	if found.Manifest.SHA256 != p.Snapshot.SHA256 {
		return fmt.Errorf("snapshot %s has SHA-256 %s, and the plan has %s: it is another one; make a new plan", p.Snapshot.ID,
			found.Manifest.SHA256, p.Snapshot.SHA256)
	}
	return job.Run(ctx, found, path)
}
