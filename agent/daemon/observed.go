package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/metrics"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/schedule"
)

// fileEvery is how old the file of metrics.textfile may become.
const fileEvery = 30 * time.Second

// facts are everything that the metrics of a generation export.
func (d *daemon) facts(g *generation) metrics.Facts {
	running, refused := d.board.now()
	return d.sightings.read(g, running, refused, time.Now())
}

// current is facts of the generation in force.
func (d *daemon) current() metrics.Facts {
	g := d.inForce.Load()
	if g == nil {
		return metrics.Facts{}
	}
	return d.facts(g)
}

// watching are the services that look and tell.
func (d *daemon) watching(g *generation) []Service {
	services := []Service{
		{Name: "members", Run: func(ctx context.Context) { g.Prober().Run(ctx, d.sightings.probe) }},
		{Name: "store settings", Run: func(ctx context.Context) { g.StoreProber().Run(ctx, d.proofs, d.sightings.store) }},
	}
	if path := g.Config.Metrics.Textfile; path != "" {
		services = append(services, Service{Name: "textfile", Run: func(ctx context.Context) { d.writeFile(ctx, g, path) }})
	}
	if g.beat != nil {
		services = append(services, Service{Name: "heartbeat", Run: g.beat.Run})
	}
	return services
}

// writeFile keeps the file of metrics.textfile new. A folder that cannot be written to is told once.
func (d *daemon) writeFile(ctx context.Context, g *generation, path string) {
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	for said := ""; ; {
		text := ""
		if err := d.metrics.WriteFile(path); err != nil {
			text = err.Error()
			if text != said {
				g.Log.Error("metrics.textfile not written, tried again", "error", err)
			}
		}
		said = text
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// heartbeatOf makes the sender of a generation, or takes over that of the one before it if the addresses are the same, with the message that
// waits in it.
func (d *daemon) heartbeatOf(g *generation) {
	before := d.inForce.Load()
	if before != nil && before.beat != nil && before.Config.Heartbeat == g.Config.Heartbeat {
		g.beat = before.beat
		return
	}
	g.beat = g.Heartbeat(d.metrics.Beat)
}

// stored notes that a store has a snapshot that this host brought there.
func (d *daemon) stored(g *generation, store string, m snapshot.Manifest) {
	d.metrics.Stored(store, m.Object.SizeBytes)
	if g.beat != nil && m.Proven() {
		g.beat.Proven(m.ID)
	}
}

// listen has the rooms below tell what they find out while they deliver and prune.
func (d *daemon) listen(g *generation, r *round.Round) {
	r.Courier.OnStored = func(store string, m snapshot.Manifest) { d.stored(g, store, m) }
	r.LaterFailed = func(err error) { failed(g, err) }
	r.OnPruned = func(store string, held error) { d.sightings.pruned(store, held, time.Now()) }
}

// failed tells the dead man's switch why there is no new snapshot.
func failed(g *generation, err error) {
	if g.beat != nil {
		g.beat.Failed(err)
	}
}

// ran counts a run of a job.
func (d *daemon) ran(g *generation, o schedule.Outcome) {
	if o.Job == "" {
		return
	}
	result := resultOf(o.Err)
	missed := o.Skipped
	if o.Missed {
		missed++
	}
	d.metrics.RunEnded(o.Job, result, o.Ended.Sub(o.Started), missed)
	if result == metrics.Done {
		d.sightings.succeeded(o.Job, o.Ended)
	}
	if slices.Contains([]string{"verify", "drill"}, o.Job) {
		select {
		case d.proofs <- struct{}{}: // there may be new ones
		default:
		}
	}
	if o.Job == "snapshot" && result == metrics.Failed {
		failed(g, o.Err)
	}
}

// resultOf names what became of a run.
func resultOf(err error) string {
	switch {
	case err == nil:
		return metrics.Done
	case errors.Is(err, schedule.ErrInterrupted):
		return metrics.Interrupted
	case errors.Is(err, schedule.ErrWindowMissed):
		return metrics.TooLate
	case errors.Is(err, coordination.ErrLockUnavailable):
		return metrics.Skipped
	case errors.Is(err, agent.ErrPartial):
		return metrics.Findings
	}
	return metrics.Failed
}
