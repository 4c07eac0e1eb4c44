package restore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// ErrDiffers means that an etcd booted on what was restored, and holds something else than the snapshot.
var ErrDiffers = errors.New("the restored directory does not hold what the snapshot does")

// check boots an etcd on a copy of the new directory, without peers, reads every key, and compares with what the snapshot
// itself says. The revision is fixed: leases tick at once, so that the newest one moves.
func (a *Applier) check(ctx context.Context, l place.Layout, file string) error {
	want, err := a.forecast(ctx, file)
	if err != nil {
		return err
	}
	if err := place.CopyTree(ctx, l.Work, l.Check, a.step("copy for the check"), a.Plan.Snapshot.SizeBytes); err != nil {
		return err
	}
	a.step("boot and read")(0, 0)
	got, err := scratch.Read(ctx, l.Check, a.member.Name, want.Revision, scratch.Options{}, a.lock)
	if err != nil {
		return err
	}
	if err := differs(got, want); err != nil {
		return err
	}
	a.tell("An etcd booted on a copy of it: %d keys read, HashKV %d at revision %d, as the snapshot has it.", got.Keys, got.Hash, got.Revision)
	return os.RemoveAll(l.Check)
}

// differs holds what an etcd answered to what the snapshot says.
func differs(got scratch.Reading, want snapshot.RestoredFacts) error {
	if got.Keys == want.Keys && got.Hash == want.Hash && got.Revision == want.Revision && got.CompactRevision == want.Revision {
		return nil
	}
	return fmt.Errorf("%w: at revision %d it has %d keys, HashKV %d, compacted to %d; the snapshot has %d keys, HashKV %d", ErrDiffers,
		got.Revision, got.Keys, got.Hash, got.CompactRevision, want.Keys, want.Hash)
}
