package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/etcdward/etcdward/agent/hostrecord"
	"github.com/etcdward/etcdward/agent/observe"
	"github.com/etcdward/etcdward/agent/status"
)

// recordAgent tells the status of this host which agent runs.
func recordAgent(g *generation, version string) {
	for _, folder := range g.RecordPaths() {
		if err := hostrecord.WriteAgent(folder, version, time.Now()); err != nil {
			g.Log.Warn("record of this agent not written, the status will not show it", "error", err)
		}
	}
}

// remembering returns what keeps what was seen proven for the time when a store is away.
func remembering(g *generation, look *observe.Observer) func(status.Status) {
	said := false
	return func(seen status.Status) {
		err := look.Remember(seen, g.RecordPaths()...)
		if err != nil && !said {
			g.Log.Warn("last known proof not written, the status will not know it while a store is away", "error", err)
		}
		said = err != nil
	}
}

// touchEvery is how often the daemon looks whether a verb changed something: a call of stat, and no store.
const touchEvery = 2 * time.Second

// follow asks for a new look each time a verb on this host changed something.
func (b *board) follow(ctx context.Context, state string, log *slog.Logger) {
	was := hostrecord.Touched(state)
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := hostrecord.Touched(state); !now.Equal(was) {
			was = now
			log.Debug("a verb changed something")
			b.look()
		}
	}
}
