package kubeadm

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/probe"
)

// Pods are the static pods that one restore stops and starts.
type Pods struct {
	Host *Host
	// Manifests is the folder that the kubelet watches; Files are moved from there to Aside, and back.
	Manifests, Aside string
	Files            []string
	// DataDir is what etcd runs on.
	DataDir string
	// StopLimit and StartLimit bound the waiting; HealthLimit that for a quorum. 0: two minutes, five, and half a one.
	StopLimit, StartLimit, HealthLimit time.Duration
	// Tell hears what is done.
	Tell func(format string, args ...any)
}

// Stop moves the manifests out of the kubelet's sight, and waits until nothing of them is left running.
func (p Pods) Stop(ctx context.Context) error {
	if len(p.Files) == 0 {
		return nil
	}
	limit := cmp.Or(p.StopLimit, 2*time.Minute)
	p.Tell("Moving %d manifests from %s to %s, and waiting for their processes to end, at most %s.", len(p.Files), p.Manifests, p.Aside, limit)
	if err := os.MkdirAll(p.Aside, 0o700); err != nil {
		return err
	}
	if err := moveFiles(p.Files, p.Manifests, p.Aside); err != nil {
		return err
	}
	err := p.await(ctx, limit, func() error { return p.stopped(ctx) })
	if err != nil && ctx.Err() == nil {
		return fault.WithHint(err, "does the kubelet run, and watch "+p.Manifests+"? systemctl status kubelet; crictl ps shows what is left, crictl stop ends it")
	}
	return err
}

// stopped returns what still runs; nil: nothing does.
func (p Pods) stopped(ctx context.Context) error {
	busy, err := probe.Locked(p.DataDir)
	if err == nil && busy {
		err = fmt.Errorf("an etcd still runs on %s", p.DataDir)
	}
	for _, u := range append(p.Host.Others, p.Host.EtcdURLs...) {
		if err == nil && probe.Answers(ctx, u) {
			err = fmt.Errorf("%s still answers", u)
		}
	}
	return err
}

// PutBack moves the manifests back to where the kubelet sees them, etcd's first, and removes the folder that they were in.
func (p Pods) PutBack() error {
	for i := len(p.Files) - 1; i >= 0; i-- {
		if err := moveFiles(p.Files[i:i+1], p.Aside, p.Manifests); err != nil {
			return err
		}
	}
	return removeAside(p.Aside)
}

// Start moves the manifests back, and waits until an etcd has the data directory. alone: the cluster has no other member.
// waiting: etcd runs and has no quorum yet.
func (p Pods) Start(ctx context.Context, alone bool) (waiting bool, err error) {
	limit := cmp.Or(p.StartLimit, 5*time.Minute)
	p.Tell("Moving the manifests back to %s, and waiting for etcd, at most %s.", p.Manifests, limit)
	if err := p.PutBack(); err != nil {
		return false, err
	}
	err = p.await(ctx, limit, func() error { return p.started(ctx) })
	switch {
	case ctx.Err() != nil:
		return false, err
	case err != nil:
		return false, fault.WithHint(err, "does the kubelet run, and watch "+p.Manifests+"? systemctl status kubelet; crictl logs shows what etcd says")
	case p.Host.Health == "":
		return !alone, nil // no listener tells
	case alone:
		return false, p.await(ctx, limit, func() error { return probe.Healthy(ctx, p.Host.Health) })
	}
	err = p.await(ctx, cmp.Or(p.HealthLimit, 30*time.Second), func() error { return probe.Healthy(ctx, p.Host.Health) })
	if err != nil && ctx.Err() == nil {
		return true, nil // the other hosts are to come
	}
	return false, err
}

// started returns what is missing until etcd runs.
func (p Pods) started(ctx context.Context) error {
	busy, err := probe.Locked(p.DataDir)
	if err == nil && !busy {
		err = fmt.Errorf("no etcd has opened %s", p.DataDir)
	}
	if err == nil && !probe.Answers(ctx, p.Host.PeerURLs[0]) {
		err = fmt.Errorf("%s does not answer", p.Host.PeerURLs[0])
	}
	return err
}

// tellInterval is how often people hear what a wait is for.
const tellInterval = 10 * time.Second

// await waits for a condition, and tells now and then what it waits for.
func (p Pods) await(ctx context.Context, limit time.Duration, met func() error) error {
	begun, next := time.Now(), tellInterval
	return probe.Await(ctx, limit, func() error {
		err := met()
		if waited := time.Since(begun); err != nil && waited >= next {
			next += tellInterval
			p.Tell("Waiting for %s, of at most %s: %v.", waited.Round(time.Second), limit, err)
		}
		return err
	})
}
