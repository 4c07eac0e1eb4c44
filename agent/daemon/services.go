package daemon

import (
	"context"

	"github.com/etcdward/etcdward/agent/compact"
)

// Service is what runs beside the jobs, all the time that a generation is in force.
type Service struct {
	// Name identifies the service.
	Name string
	// Once: it is for the first generation of the process alone.
	Once bool
	// Run works until ctx ends, or until there is nothing left to do. It logs its own errors.
	Run func(ctx context.Context)
}

// servicesOf are the services of a generation.
func (d *daemon) servicesOf(g *generation, compactor *compact.Compactor) []Service {
	look := g.Observer()
	services := []Service{
		// A backlog may take hours, and a snapshot that is due meanwhile must not wait for it.
		{Name: "drain", Run: func(ctx context.Context) { drain(ctx, g); d.board.look() }},
		{Name: "status line", Run: func(ctx context.Context) { d.board.watch(ctx, look, g.Log) }},
		{Name: "sweep", Once: true, Run: func(ctx context.Context) { g.SweepStores(ctx) }},
	}
	if !g.Config.Compaction.Schedule.Off() {
		services = append(services, Service{Name: "revisions", Run: func(ctx context.Context) {
			// Without the notes no compaction knows how old anything is.
			compactor.Watch(ctx, compact.NoteEvery(compactor.Keep))
		}})
	}
	return services
}

// drain delivers what an earlier process could not.
func drain(ctx context.Context, g *generation) {
	courier, err := g.Courier(false)
	if err != nil {
		g.Log.Error("spool not delivered", "error", err)
		return
	}
	delivery, err := courier.Run(ctx)
	if ctx.Err() != nil {
		return // what is left is delivered by the next run, or the next process
	}
	if err != nil {
		g.Log.Error("spool not delivered", "error", err)
	}
	for store, cause := range delivery.Failed {
		g.Log.Error("spool not delivered", "store", store, "error", cause)
	}
}
