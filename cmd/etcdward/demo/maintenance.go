package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/upkeep"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

const (
	// keepHistory is how much history the demonstration keeps; in production it is ten minutes.
	keepHistory = 2 * time.Second
	// windowLength is how long its window is open; in production it is two hours.
	windowLength = time.Minute
	// lookEvery is how often it looks whether members still remove what was compacted; in life it is three seconds.
	lookEvery = 500 * time.Millisecond
)

// maintain compacts, then defragments in a window, while the cluster is written to.
func (d *demonstration) maintain(ctx context.Context) error {
	care, err := d.parts.Upkeep()
	if err != nil {
		return err
	}
	d.say("Maintenance: etcd keeps every version of every object until somebody compacts.")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	load := make(chan error, 1)
	go func() { load <- d.retryingLoad(ctx) }()
	err = errors.Join(d.compact(ctx, care.Compactor), d.window(ctx, care))
	stop()
	return errors.Join(err, <-load)
}

// retryingLoad is a load that tries again, as Kubernetes does: a write that reaches the leader at the moment of a handover
// fails, and is repeated.
func (d *demonstration) retryingLoad(ctx context.Context) error {
	var err error
	for range 3 {
		if err = d.load(ctx); err == nil {
			return nil
		}
	}
	return err
}

// compact notes revisions until there is one that is old enough, and compacts to it.
func (d *demonstration) compact(ctx context.Context, compactor *compact.Compactor) error {
	compactor.Keep = keepHistory
	tick := time.NewTicker(keepHistory / 4)
	defer tick.Stop()
	for {
		done, err := compactor.Run(ctx)
		if err != nil {
			return err
		}
		if done.Needed() {
			d.tell("compacted to revision %d, %s: %d revisions went.", done.To, done.Reason, done.Revisions)
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	// Members remove what was compacted in the background, a little at a time.
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(keepHistory):
	}
	return nil
}

// window defragments the members that are worth it, in a window that has just opened.
func (d *demonstration) window(ctx context.Context, care *upkeep.Upkeep) error {
	d.tell("The files are as large as before. A window of %s opens: one member at a time, the leader last, once it no longer leads.", windowLength)
	job := care.Defragmenter
	job.LookEvery = lookEvery
	job.Rules = defrag.Rules{MinReclaimable: 256 << 10, MinRatio: 0.1, MoveLeader: true}
	var out defrag.Outcome
	_, err := care.Coordinator.RunNow(ctx, "defrag", nil, func(ctx context.Context) (err error) {
		out, err = job.Run(ctx, time.Now().Add(windowLength))
		return err
	})
	if err != nil {
		return err
	}
	if len(out.Members) != len(d.cluster.members) {
		return fmt.Errorf("%d of %d members were defragmented", len(out.Members), len(d.cluster.members))
	}
	rows := [][]string{{"   MEMBER", "BEFORE", "AFTER", "IN USE", "SECONDS", "LED BEFORE", "LED MEANWHILE"}}
	for _, m := range out.Members {
		rows = append(rows, []string{"   " + m.Name, terminal.Bytes(m.Before), terminal.Bytes(m.After), terminal.Bytes(m.InUse), fmt.Sprintf("%.1f", m.Took.Seconds()), m.LedBefore, m.LedDuring})
	}
	return terminal.Table(d.Out, rows)
}
