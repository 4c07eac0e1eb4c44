package demo

import (
	"context"
	"errors"
	"time"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/stores"
)

// drill rehearses a restore, as the weekly job does, and says what is proven.
func (d *demonstration) drill(ctx context.Context) error {
	d.say("Every week, unasked: `etcdward drill` boots an etcd on what lies in the store, and measures.")
	job, err := d.parts.Driller(seal.Identities{})
	if err != nil {
		return err
	}
	found, err := stores.Find(ctx, d.parts.Stores, stores.Latest)
	if err != nil {
		return err
	}
	out, err := job.Run(ctx, found)
	if err == nil {
		err = out.Err()
	}
	if err != nil {
		return err
	}
	s := d.parts.Observer().Status(ctx, time.Now())
	if s.LastProven == nil || s.LastProven.ID != out.ID || s.LastProven.Level != 5 {
		return errors.New("the drill is not what the status knows")
	}
	d.tell("%d keys read, HashKV %d, as the cluster had it.", out.Keys, out.Hash)
	d.tell("Proven restorable to %s, revision %d, by a drill; a restore takes %s here.", s.LastProven.TakenAt.UTC().Format(time.RFC3339), out.Revision, out.Seconds.Total())
	return nil
}
