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
	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/restore/source"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

// hashTime limits one HashKV call to a member of the demonstration.
const hashTime = 30 * time.Second

// restoreLast takes a last snapshot, restores it as a second cluster, and compares that with the first. An earlier snapshot would
// not do, because the cluster was compacted since then.
func (d *demonstration) restoreLast(ctx context.Context) (err error) {
	d.say("The worst night: three new hosts and the last snapshot. `etcdward restore plan`, then `restore apply` on each.")
	job, err := d.parts.Round(false)
	if err != nil {
		return err
	}
	if _, err := job.Run(ctx, round.Options{ByHand: true, KeepAll: true}); err != nil {
		return err
	}
	found, err := stores.Find(ctx, d.parts.Stores, stores.Latest)
	if err != nil {
		return err
	}
	m := found.Manifest
	folder := filepath.Join(d.Dir, "restored")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	file := filepath.Join(folder, "snapshot.db")
	if err := (&fetch.Fetcher{}).Run(ctx, found, file); err != nil {
		return err
	}
	addresses, err := freeAddresses(ctx, 6)
	if err != nil {
		return err
	}
	var members []plan.Member
	for i := range 3 {
		name := fmt.Sprintf("new-%d", i+1)
		members = append(members, plan.Member{Name: name, PeerURLs: []string{"http://" + addresses[2*i+1]}, DataDir: filepath.Join(folder, name)})
	}
	p, err := plan.New(plan.Draft{Cluster: m.Cluster.Name, Members: members, Source: source.Stored(found, time.Time{})}, time.Now())
	if err != nil {
		return err
	}
	d.tell("plan      %d members, snapshot %s, SHA-256 of the plan %.16s…", len(members), m.ID, p.SHA256)
	begun := time.Now()
	for _, member := range members {
		job := restore.Applier{Plan: p, Member: member.Name, Fetch: func(context.Context) (string, error) { return file, nil }}
		if _, err := job.Run(ctx); err != nil {
			return err
		}
		d.tell("%s     restored beside, booted on a copy, every key compared, switched", member.Name)
	}
	want, err := snapshot.Forecast(ctx, file, p.RevisionBump)
	if err != nil {
		return err
	}
	running, err := bootRestored(ctx, p, addresses)
	defer func() { err = errors.Join(err, running.stop()) }()
	if err != nil {
		return err
	}
	d.tell("booted    a cluster of three in %.0f seconds; revisions go on from %d", time.Since(begun).Seconds(), p.Revision())
	return d.compareRestored(ctx, running, m, want)
}

// bootRestored starts the members of a plan, each on its own directory. If it fails, it also returns the members
// that already run.
func bootRestored(ctx context.Context, p plan.Plan, addresses []string) (*members, error) {
	c := &members{}
	for i, m := range p.Members {
		member, err := scratch.Boot(scratch.Spec{Name: m.Name, DataDir: m.DataDir, ClientURL: "http://" + addresses[2*i], PeerURL: m.PeerURLs[0],
			Token: p.Token, InitialCluster: p.InitialCluster(), LogFile: m.DataDir + ".log"})
		if err != nil {
			return c, err
		}
		c.members = append(c.members, member)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, m := range c.members {
		if err := m.Ready(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// compareRestored compares the living cluster with the snapshot at the snapshot's revision, and the restored cluster with what it
// must answer according to the snapshot.
func (d *demonstration) compareRestored(ctx context.Context, running *members, m snapshot.Manifest, want snapshot.RestoredFacts) (err error) {
	live, err := d.parts.Cluster()
	if err != nil {
		return err
	}
	survey, err := live.Survey(ctx)
	if err != nil {
		return err
	}
	hash, err := live.HashKV(ctx, survey.Members[0], m.Revision, hashTime)
	if err != nil {
		return err
	}
	if hash.Hash != m.HashKV.Hash || hash.CompactRevision != m.HashKV.CompactRevision {
		return fmt.Errorf("the cluster has HashKV %d at revision %d, its snapshot %d", hash.Hash, m.Revision, m.HashKV.Hash)
	}
	d.tell("equal     HashKV %d at revision %d: the cluster that was, and the snapshot", hash.Hash, m.Revision)
	var endpoints []string
	for _, member := range running.members {
		endpoints = append(endpoints, member.Spec.ClientURL)
	}
	restored, err := etcd.New(etcd.Options{Endpoints: endpoints})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restored.Close()) }()
	if survey, err = restored.Survey(ctx); err != nil {
		return err
	}
	var names []string
	for _, member := range survey.Members {
		got, err := restored.HashKV(ctx, member, want.Revision, hashTime)
		if err != nil {
			return err
		}
		if got.Hash != want.Hash {
			return fmt.Errorf("%s has HashKV %d at revision %d, the snapshot says %d", member.Name, got.Hash, want.Revision, want.Hash)
		}
		names = append(names, member.Name)
	}
	d.tell("equal     HashKV %d at revision %d, %d keys: the snapshot, and %s", want.Hash, want.Revision, want.Keys, strings.Join(names, ", "))
	return nil
}
