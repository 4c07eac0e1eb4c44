package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/schedule"
)

// fill writes the first objects.
func (d *demonstration) fill(ctx context.Context) error {
	const changes = 3000
	if err := d.cluster.write(ctx, changes); err != nil {
		return err
	}
	d.tell("%d writes so far: pods, secrets, config maps, leases and events, as Kubernetes keeps them.", changes)
	return nil
}

// showMembers shows who leads.
func (d *demonstration) showMembers(ctx context.Context) error {
	cluster, err := d.parts.Cluster()
	if err != nil {
		return err
	}
	survey, err := cluster.Survey(ctx)
	if err != nil {
		return err
	}
	d.say("It finds the members by itself. The leader does the cluster's work, so it is left in peace.")
	rows := [][]string{{"   MEMBER", "ROLE", "ETCD", "DB SIZE", "REVISION"}}
	for _, m := range survey.Members {
		rows = append(rows, []string{"   " + m.Name, m.Role, m.Version, terminal.Bytes(m.DBSize), fmt.Sprint(m.Revision)})
	}
	return terminal.Table(d.Out, rows)
}

// firstSnapshot takes one by hand.
func (d *demonstration) firstSnapshot(ctx context.Context) error {
	d.say("A first snapshot, as `etcdward snapshot` takes it: streamed, checked, compressed, stored.")
	job, err := d.parts.Round(false)
	if err != nil {
		return err
	}
	taken, err := job.Run(ctx, round.Options{ByHand: true, KeepAll: true})
	if err != nil {
		return err
	}
	m := taken.Manifest
	if m.Member.Role != etcd.RoleFollower {
		return fmt.Errorf("the snapshot came from the %s %s", m.Member.Role, m.Member.Name)
	}
	d.showSnapshot(m)
	d.tell("size      %d bytes, SHA-256 %s", m.SizeBytes, m.SHA256)
	for _, c := range m.Checks {
		d.tell("check     %-8s %s", c.Name, terminal.OK(c.OK, c.Detail))
	}
	for _, o := range m.Inconclusive {
		d.tell("check     %-8s inconclusive: %s", o.Name, o.Detail)
	}
	d.tell("stored    %s (%s), and its manifest last", d.store.what+"/"+m.Object.Key, terminal.Bytes(m.Object.SizeBytes))
	return nil
}

func (d *demonstration) showSnapshot(m snapshot.Manifest) {
	d.tell("snapshot  %s", m.ID)
	d.tell("from      %s, the %s: %s", m.Member.Name, m.Member.Role, m.Member.Reason)
	d.tell("holds     %d keys at revision %d", m.TotalKeys, m.Revision)
}

// onSchedule lets the daemon's own loop take two more while the load changes.
func (d *demonstration) onSchedule(ctx context.Context) error {
	d.say("Two more on the schedule (every %s here, every hour in life), while the cluster is written to.", every)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	job, err := d.parts.Round(false)
	if err != nil {
		return err
	}
	done := 0
	var failed error
	loop, err := schedule.NewLoop(schedule.Parts{
		Jobs: []schedule.Job{{Name: "snapshot", Schedule: schedule.Every(every), Limit: time.Minute, Run: func(ctx context.Context, run schedule.Run) error {
			taken, err := job.Run(ctx, round.Options{Due: run.Due, KeepAll: true})
			if err != nil {
				return err
			}
			d.tell("due %s: snapshot %s, %d keys, from %s (%s)", run.Due.Format(time.TimeOnly), taken.Manifest.ID, taken.Manifest.TotalKeys, taken.Manifest.Member.Name, taken.Manifest.Member.Role)
			return nil
		}}},
		State: jobstate.File{Path: d.parts.StatePath()},
		Report: func(o schedule.Outcome) {
			done++
			if o.Err != nil || done == 2 {
				failed = o.Err
				stop()
			}
		},
	})
	if err != nil {
		return err
	}
	load := make(chan error, 1)
	go func() { load <- d.load(ctx) }()
	err = loop.Run(ctx)
	stop()
	if err := errors.Join(failed, <-load); err != nil {
		return err
	}
	if done < 2 {
		return err
	}
	return nil
}

// load writes until ctx ends, at a rate that rises and falls.
func (d *demonstration) load(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// A write that was begun is finished, so that the member's answers stay in step.
		if err := d.cluster.write(context.WithoutCancel(ctx), 10+20*(i%5)); err != nil {
			return err
		}
	}
}

// damage flips one bit in a copy and verifies both.
func (d *demonstration) damage(ctx context.Context) error {
	d.say("Would it notice damage? One bit of a copy is flipped, in the middle.")
	whole, flipped := filepath.Join(d.Dir, "copy.db"), filepath.Join(d.Dir, "flipped.db")
	found, err := stores.Find(ctx, d.parts.Stores, stores.Latest)
	if err != nil {
		return err
	}
	if err := (&fetch.Fetcher{}).Run(ctx, found, whole); err != nil {
		return err
	}
	body, err := os.ReadFile(whole)
	if err != nil {
		return err
	}
	body[len(body)/2] ^= 1
	if err := os.WriteFile(flipped, body, 0o600); err != nil {
		return err
	}
	job, err := d.parts.Verifier(seal.Identities{})
	if err != nil {
		return err
	}
	for _, c := range []struct {
		path string
		want bool
	}{{whole, true}, {flipped, false}} {
		result, err := job.File(ctx, c.path)
		if err != nil {
			return err
		}
		if result.OK != c.want {
			return fmt.Errorf("verify %s: ok is %t", c.path, result.OK)
		}
		last := result.Checks[len(result.Checks)-1]
		d.tell("%-10s %s", filepath.Base(c.path), terminal.OK(last.OK, last.Detail))
	}
	return errors.Join(os.Remove(whole), os.Remove(flipped))
}

// prune shows the plan and carries it out.
func (d *demonstration) prune(ctx context.Context) error {
	d.say("Prune: what retention does not keep goes, never the newest proven snapshot.")
	job, err := d.parts.Pruner(d.parts.Stores[0], "")
	if err != nil {
		return err
	}
	plan, err := job.Plan(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, decision := range plan.Decisions {
		verb := "keep"
		if !decision.Keep {
			verb = "remove"
		}
		d.tell("%-7s %s  %s", verb, decision.Entry.ID, strings.Join(decision.Reasons, "; "))
	}
	done, err := job.Apply(ctx, plan)
	if err != nil {
		return err
	}
	if len(done.Removed) != plan.Remove() || plan.Remove() == 0 {
		return fmt.Errorf("prune removed %d of %d", len(done.Removed), plan.Remove())
	}
	d.tell("%d removed.", len(done.Removed))
	return nil
}

// fetch fetches the newest snapshot and verifies it.
func (d *demonstration) fetch(ctx context.Context) error {
	d.say("And back: `etcdward fetch latest` downloads, decompresses and verifies.")
	found, err := stores.Find(ctx, d.parts.Stores, stores.Latest)
	if err != nil {
		return err
	}
	path := filepath.Join(d.Dir, found.Manifest.ID+".db")
	if err := (&fetch.Fetcher{}).Run(ctx, found, path); err != nil {
		return err
	}
	d.tell("%s: the very %d bytes that etcd sent", path, found.Manifest.SizeBytes)
	return nil
}

// status shows the status: is the cluster safe?
func (d *demonstration) status(ctx context.Context) error {
	d.say("Am I safe? `etcdward status` says:")
	s := d.parts.Observer().Status(ctx, time.Now())
	d.tell("%s: %s", s.Verdict, strings.Join(s.Reasons, "; "))
	if s.LastProven == nil {
		return errors.New("no snapshot is proven")
	}
	return nil
}
