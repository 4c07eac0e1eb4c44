package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/defrag"
)

const (
	// demoKeep is the history that the demonstration keeps; in life it is ten minutes.
	demoKeep = 2 * time.Second
	// demoWindow is as long as its window is open; in life two hours.
	demoWindow = 30 * time.Second
)

// maintain compacts, then defragments in a window, while the cluster is written to.
func (d *demo) maintain(ctx context.Context) error {
	job, err := d.house.maintenance()
	if err != nil {
		return err
	}
	d.say("Maintenance: etcd keeps every version of every object until somebody compacts.")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	load := make(chan error, 1)
	go func() { load <- d.retryingLoad(ctx) }()
	err = errors.Join(d.compact(ctx, job), d.window(ctx, job))
	stop()
	return errors.Join(err, <-load)
}

// retryingLoad is load with the patience of Kubernetes: a write that reaches the leader in the moment in which it hands over is
// dropped, and tried again.
func (d *demo) retryingLoad(ctx context.Context) error {
	var err error
	for range 3 {
		if err = d.load(ctx); err == nil {
			return nil
		}
	}
	return err
}

// compact notes revisions until there is one that is old enough, and compacts to it.
func (d *demo) compact(ctx context.Context, job *maintenance) error {
	job.compactor.Keep = demoKeep
	tick := time.NewTicker(demoKeep / 4)
	defer tick.Stop()
	for {
		done, err := job.compactor.Run(ctx)
		if err != nil {
			return err
		}
		if done.Needed() {
			d.tell("compacted from revision %d to %d, %s: %d revisions went.", done.From, done.To, done.Reason, done.Revisions)
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
	case <-time.After(demoKeep):
	}
	return nil
}

// window defragments what is worth it in a window that has just opened.
func (d *demo) window(ctx context.Context, job *maintenance) error {
	d.tell("The files are as large as before. A window of %s opens: one member at a time, the leader last, once it leads no more.", demoWindow)
	job.defragmenter.Rules = defrag.Rules{MinReclaimable: 256 << 10, MinRatio: 0.1, MoveLeader: true}
	var out agent.Defragmented
	_, err := job.coordinator.Alone(ctx, "defrag", nil, func(ctx context.Context) (err error) {
		out, err = job.defragmenter.Run(ctx, time.Now().Add(demoWindow))
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
		rows = append(rows, []string{"   " + m.Name, bytesText(m.Before), bytesText(m.After), bytesText(m.InUse), fmt.Sprintf("%.1f", m.Took.Seconds()), m.LedBefore, m.LedDuring})
	}
	return d.inv.table(rows)
}
