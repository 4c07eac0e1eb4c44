package daemon

import (
	"context"

	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// Service runs beside the jobs for as long as a generation is in force.
type Service struct {
	// Name identifies the service.
	Name string
	// Once means that only the first generation of the process runs it.
	Once bool
	// Run works until ctx ends or there is nothing left to do. It logs its own errors.
	Run func(ctx context.Context)
}

// servicesOf are the services of a generation.
func (d *daemon) servicesOf(g *generation, compactor *compact.Compactor) ([]Service, error) {
	look := g.Observer()
	services := []Service{
		// Delivering a backlog may take hours, and a snapshot that is due meanwhile must not wait for it.
		{Name: "drain", Run: func(ctx context.Context) { d.drain(ctx, g); d.board.look() }},
		{Name: "status line", Run: func(ctx context.Context) { d.board.watch(ctx, look, g.Log, remembering(g, look)) }},
		{Name: "verbs", Run: func(ctx context.Context) { d.board.follow(ctx, g.StateDir, g.Log) }},
		{Name: "sweep", Once: true, Run: func(ctx context.Context) { g.SweepStores(ctx) }},
	}
	if !g.Config.Compaction.Schedule.Off() {
		services = append(services, Service{Name: "revisions", Run: func(ctx context.Context) {
			// Without these notes compaction could not tell how old a revision is.
			compactor.Watch(ctx, compact.NoteEvery(compactor.Keep))
		}})
	}
	services = append(services, d.watching(g)...)
	serving, wanted, err := d.serving(g)
	if wanted {
		services = append(services, serving)
	}
	return services, err
}

// drain delivers what an earlier process could not deliver.
func (d *daemon) drain(ctx context.Context, g *generation) {
	courier, err := g.Courier(false)
	if err != nil {
		g.Log.Error("spool not delivered", "error", err)
		return
	}
	courier.OnStored = func(store string, m snapshot.Manifest) { d.stored(g, store, m) }
	delivery, err := courier.Run(ctx)
	if ctx.Err() != nil {
		return // the next run or the next process delivers the rest
	}
	if err != nil {
		g.Log.Error("spool not delivered", "error", err)
	}
	for store, cause := range delivery.Failed {
		g.Log.Error("spool not delivered", "store", store, "error", cause)
	}
}
