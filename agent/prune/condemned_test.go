package prune

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
)

// TestCondemned has a read-back have found snapshot 1 damaged, which retention would then let go. It goes only if it reads wrong now, too.
func TestCondemned(t *testing.T) {
	for _, test := range []struct {
		name  string
		after func(t *testing.T, bucket storage.Bucket, key string) storage.Bucket
		keep  string // in the reason; "": it goes
	}{
		{"damaged indeed", func(t *testing.T, bucket storage.Bucket, key string) storage.Bucket {
			_, content := storestest.Stored(1)
			content[0] ^= 1
			storestest.Replace(t, bucket, key, content)
			return bucket
		}, ""},
		{"sound", func(_ *testing.T, bucket storage.Bucket, _ string) storage.Bucket { return bucket }, "its bytes are those that were stored"},
		{"a 404", func(_ *testing.T, bucket storage.Bucket, key string) storage.Bucket {
			return storestest.NewFlaky(bucket, key, 1, storestest.Passing["404"])
		}, "could not be read once more"},
		{"a short body", func(_ *testing.T, bucket storage.Bucket, key string) storage.Bucket {
			return storestest.NewFlaky(bucket, key, 1, storestest.Passing["short body"])
		}, "could not be read once more"},
		{"HTML", func(_ *testing.T, bucket storage.Bucket, key string) storage.Bucket {
			return storestest.NewFlaky(bucket, key, 1, storestest.Passing["HTML"])
		}, "could not be read once more"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := storestest.OpenFolder(t)
			a := storestest.StoreIn(t, "a", bucket)
			a.FillWith(t, 1, 2)
			a.Prove(t, 1, false)
			key := a.Catalog.DataKey(storestest.MustID(1), seal.None, seal.None)
			p := prunerOf(t, storestest.StoreIn(t, "a", test.after(t, bucket, key)), t.TempDir())
			plan, err := p.Plan(t.Context(), storestest.Hour(100))
			if err != nil {
				t.Fatal(err)
			}
			d := plan.decision(t, 1)
			if d.Keep != (test.keep != "") || !slices.ContainsFunc(d.Reasons, func(r string) bool { return strings.Contains(r, test.keep) }) {
				t.Errorf("keep %t: %q", d.Keep, d.Reasons)
			}
		})
	}
}

// TestProofNotRead has the proof that condemns a snapshot come as something else: then nothing is known, and nothing goes.
func TestProofNotRead(t *testing.T) {
	for name, answer := range storestest.Passing {
		bucket := storestest.OpenFolder(t)
		a := storestest.StoreIn(t, "a", bucket)
		a.FillWith(t, 1, 2)
		a.Prove(t, 2, false)
		flaky := storestest.StoreIn(t, "a", storestest.NewFlaky(bucket, "/proofs/"+storestest.MustID(2), 1, answer))
		p := prunerOf(t, flaky, t.TempDir())
		plan, err := p.Plan(t.Context(), storestest.Hour(100))
		if err == nil && !plan.decision(t, 1).Keep {
			t.Errorf("%s: snapshot 1 goes, and the newer one is damaged", name)
		}
	}
}

// blinking is a bucket of which the first listings lack the data of one snapshot.
type blinking struct {
	storage.Bucket
	key   string
	times int
}

func (b *blinking) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for obj, err := range b.Bucket.List(ctx, prefix) {
			if obj.Key == b.key && b.times > 0 {
				b.times--
				continue
			}
			if !yield(obj, err) {
				return
			}
		}
	}
}

// TestListedWithoutData has one listing, or every listing, lack the data of snapshot 1, so long ago that nobody would want it undone.
func TestListedWithoutData(t *testing.T) {
	for times, keep := range map[int]bool{1: true, 1000: false} {
		bucket := storestest.OpenFolder(t)
		a := storestest.StoreIn(t, "a", bucket)
		a.FillWith(t, 1, 2)
		a.Retention.KeepDaily = 100
		flaky := storestest.StoreIn(t, "a", &blinking{Bucket: bucket, key: a.Catalog.DataKey(storestest.MustID(1), seal.None, seal.None), times: times})
		plan, err := prunerOf(t, flaky, t.TempDir()).Plan(t.Context(), storestest.Hour(24*60))
		if err != nil {
			t.Fatal(err)
		}
		if d := plan.decision(t, 1); d.Keep != keep {
			t.Errorf("%d listings without the data: keep %t, %q", times, d.Keep, d.Reasons)
		}
	}
}
