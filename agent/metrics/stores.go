package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// StoreProber looks at the settings of the stores and at the newest proofs in them.
type StoreProber struct {
	Stores []Source
	Log    *slog.Logger
}

// Source is one store.
type Source struct {
	Name    string
	Catalog *catalog.Catalog
	// Inspect asks the store how it is set up.
	Inspect func(ctx context.Context) (storage.Properties, error)
}

const (
	// storesEvery is the time between two looks: settings change rarely, and requests cost money.
	storesEvery = time.Hour
	// storesAgain is the time until the next look if a store could not be asked.
	storesAgain = 5 * time.Minute
	// storeLimit limits the look at one store.
	storeLimit = 2 * time.Minute
)

// Run looks until ctx ends, or sooner each time that again tells it to, and passes on what it saw. What could not be asked is zero.
func (p *StoreProber) Run(ctx context.Context, again <-chan struct{}, seen func(name string, s Store)) {
	for {
		complete := true
		var mu sync.Mutex
		var looking sync.WaitGroup
		for _, source := range p.Stores {
			looking.Go(func() {
				s, whole := p.look(ctx, source)
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				complete = complete && whole
				seen(source.Name, s)
			})
		}
		looking.Wait()
		pause := storesEvery
		if !complete {
			pause = storesAgain
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-again:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// look asks one store. whole means that it answered everything.
func (p *StoreProber) look(ctx context.Context, source Source) (out Store, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	whole = true
	missed := func(err error) {
		whole = false
		p.Log.Debug("store not probed", "store", source.Name, "error", err)
	}
	if set, err := source.Inspect(ctx); err != nil {
		missed(err)
	} else {
		out.Versioned, out.Locked = known(set.Versioning), known(set.Lock)
	}
	if overwrites, err := source.Catalog.Overwrites(ctx); err != nil {
		missed(err)
	} else {
		refuses := !overwrites
		out.CreateOnly = &refuses
	}
	if held, err := source.Catalog.LastHeld(ctx, snapshot.CheckReadBack, snapshot.CheckDrill); err != nil {
		missed(err)
	} else {
		out.ReadBack, out.Drilled = Proof(held[snapshot.CheckReadBack]), Proof(held[snapshot.CheckDrill])
	}
	return out, whole
}

func known(p storage.Property) *bool {
	if p.State == storage.Unknown {
		return nil
	}
	on := p.State == storage.On
	return &on
}
