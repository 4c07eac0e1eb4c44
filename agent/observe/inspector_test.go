package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestCandidate judges one snapshot that is well but for what each case spoils.
func TestCandidate(t *testing.T) {
	proof := func(ok bool, detail string) catalog.Proof {
		return catalog.Proof{Check: snapshot.Check{Name: snapshot.CheckReadBack, OK: ok, Detail: detail}}
	}
	ours := stores.Ownership{Live: storestest.OurCluster, IDs: []string{storestest.OurCluster, "c0"}, Known: true}
	for _, test := range []struct {
		name  string
		spoil func(c *candidate, whose *stores.Ownership)
		level int
		why   string // contained; "": nothing is said
	}{
		{"well", func(*candidate, *stores.Ownership) {}, 2, ""},
		{"read back", func(c *candidate, _ *stores.Ownership) { c.proofs = []catalog.Proof{proof(true, "")} }, 4, ""},
		{"found damaged", func(c *candidate, _ *stores.Ownership) {
			c.proofs = []catalog.Proof{proof(true, ""), proof(false, "object: short")}
		}, 0, "is damaged: object: short"},
		{"found sound again", func(c *candidate, _ *stores.Ownership) {
			c.proofs = []catalog.Proof{proof(false, "x"), proof(true, "")}
		}, 4, ""},
		{"a proof unreadable", func(c *candidate, _ *stores.Ownership) { c.badProof = errors.New("no JSON") }, 2, "has a proof that cannot be read: no JSON"},
		{"data gone", func(c *candidate, _ *stores.Ownership) { c.entry.Data = nil }, 0, "has a manifest and no data"},
		{"data of another size", func(c *candidate, _ *stores.Ownership) { c.entry.Data[0].Size-- }, 0, "does not have the 23 bytes"},
		{"manifest unreadable", func(c *candidate, _ *stores.Ownership) { c.unread = errors.New("no JSON") }, 0, "does not count: no JSON"},
		{"a check failed", func(c *candidate, _ *stores.Ownership) {
			c.manifest.Checks = append(c.manifest.Checks, snapshot.Check{Name: snapshot.CheckHashKV, Detail: "differs"})
		}, 0, "is not proven: check hash_kv: differs"},
		{"never checked", func(c *candidate, _ *stores.Ownership) { c.manifest.Checks = nil }, 0, "is not proven: it was never checked"},
		{"emergency", func(c *candidate, _ *stores.Ownership) { c.manifest.Emergency = true }, 0, ""},
		{"yet to come", func(c *candidate, _ *stores.Ownership) { c.entry.ID.TakenAt = storestest.Hour(10).Add(6 * time.Minute) }, 0, "in the future: a clock is wrong"},
		{"clocks a little apart", func(c *candidate, _ *stores.Ownership) {
			c.entry.ID.TakenAt = storestest.Hour(10).Add(4 * time.Minute)
			c.entry.Manifest.Stored = storestest.Hour(10)
		}, 2, ""},
		{"stored before it was taken", func(c *candidate, _ *stores.Ownership) { c.entry.Manifest.Stored = storestest.Hour(1).Add(-time.Hour) }, 2, "stored at 2026-11-01T00:00:00Z, before it was taken"},
		{"of a cluster that has no home there", func(c *candidate, _ *stores.Ownership) { c.manifest.Cluster.ID = storestest.OtherCluster }, 0, "it is of etcd cluster c2"},
		{"of an earlier cluster id of this home", func(c *candidate, _ *stores.Ownership) { c.manifest.Cluster.ID = "c0" }, 0, ""},
		{"likewise, and no member answers", func(c *candidate, whose *stores.Ownership) { c.manifest.Cluster.ID, whose.Live = "c0", "" }, 2, ""},
		{"cluster.json unreadable", func(_ *candidate, whose *stores.Ownership) { whose.IDs, whose.Known = nil, false }, 2, ""},
		{"likewise, of another", func(c *candidate, whose *stores.Ownership) {
			whose.IDs, whose.Known, c.manifest.Cluster.ID = nil, false, storestest.OtherCluster
		}, 0, "it is of etcd cluster c2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, content := storestest.Stored(1)
			m.Object.Key = "x"
			c := candidate{manifest: m, entry: catalog.Entry{ID: snapshot.NewID(storestest.Hour(1), 1), Manifest: storage.Object{Key: "x.json", Stored: storestest.Hour(1)},
				Data: []storage.Object{{Key: "x", Size: int64(len(content))}}}}
			whose := ours
			test.spoil(&c, &whose)
			level, why := c.judge(whose, storestest.Hour(10))
			if level != test.level || !strings.Contains(why, test.why) || test.why == "" && why != "" {
				t.Errorf("level %d because of %q, want %d, %q", level, why, test.level, test.why)
			}
		})
	}
}

// TestInspect looks at whole stores: three snapshots, of which something is spoilt.
func TestInspect(t *testing.T) {
	key := func(n int, suffix string) string { return "v1/test/snapshots/" + storestest.MustID(n) + suffix }
	for _, test := range []struct {
		name   string
		spoil  func(t *testing.T, a storestest.Store, bucket storage.Bucket)
		live   string
		newest int64 // 0: none
		wrong  []string
	}{
		{"well", func(*testing.T, storestest.Store, storage.Bucket) {}, storestest.OurCluster, 3, nil},
		{"no member answers", func(*testing.T, storestest.Store, storage.Bucket) {}, "", 3, nil},
		{"another cluster's", func(*testing.T, storestest.Store, storage.Bucket) {}, storestest.OtherCluster, 0, []string{"another etcd cluster (c1), and the one that answers is c2"}},
		{"data of the newest gone", func(t *testing.T, _ storestest.Store, b storage.Bucket) { storestest.Remove(t, b, key(3, ".db")) }, storestest.OurCluster, 2,
			[]string{storestest.MustID(3) + " has a manifest and no data"}},
		{"data of an older one gone", func(t *testing.T, _ storestest.Store, b storage.Bucket) { storestest.Remove(t, b, key(1, ".db")) }, storestest.OurCluster, 3,
			[]string{storestest.MustID(1) + " has a manifest and no data"}},
		{"data cut", func(t *testing.T, _ storestest.Store, b storage.Bucket) {
			storestest.Replace(t, b, key(3, ".db"), []byte("cut"))
		}, storestest.OurCluster, 2,
			[]string{storestest.MustID(3) + " does not count: "}},
		{"manifest damaged", func(t *testing.T, _ storestest.Store, b storage.Bucket) {
			storestest.Replace(t, b, key(3, ".json"), []byte("{"))
		}, storestest.OurCluster, 2,
			[]string{storestest.MustID(3) + " does not count: "}},
		{"found damaged", func(t *testing.T, a storestest.Store, _ storage.Bucket) { a.Prove(t, 3, false) }, storestest.OurCluster, 2, []string{storestest.MustID(3) + " is damaged"}},
		{"an older one found damaged", func(t *testing.T, a storestest.Store, _ storage.Bucket) { a.Prove(t, 2, false) }, storestest.OurCluster, 3, nil},
		{"yet to come", func(t *testing.T, a storestest.Store, _ storage.Bucket) { a.FillWith(t, 200) }, storestest.OurCluster, 3, []string{storestest.MustID(200) + " was taken at a time in the future"}},
		{"a stranger among them", func(t *testing.T, a storestest.Store, _ storage.Bucket) {
			m, content := storestest.Stored(4, storestest.OfAnother)
			a.Commit(t, m, content)
		}, storestest.OurCluster, 3, []string{storestest.MustID(4) + " does not count: it is of etcd cluster c2"}},
		{"cluster.json damaged", func(t *testing.T, _ storestest.Store, b storage.Bucket) {
			storestest.Replace(t, b, "v1/test/cluster.json", []byte("{"))
		}, storestest.OurCluster, 3,
			[]string{"nothing can be stored or pruned: "}},
		{"cluster.json gone", func(t *testing.T, _ storestest.Store, b storage.Bucket) {
			storestest.Remove(t, b, "v1/test/cluster.json")
		}, storestest.OurCluster, 3,
			[]string{"cluster.json is gone"}},
		{"many damaged", func(t *testing.T, a storestest.Store, _ storage.Bucket) {
			for n := range 5 {
				m, content := storestest.Stored(10+n, storestest.Unproven)
				a.Commit(t, m, content)
			}
		}, storestest.OurCluster, 3, []string{storestest.MustID(14), storestest.MustID(13), storestest.MustID(12), "and 2 more"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := storestest.OpenFolder(t)
			a := storestest.StoreIn(t, "a", bucket)
			a.FillWith(t, 1, 2, 3)
			test.spoil(t, a, bucket)
			seen, err := (&Inspector{Store: a.Store, Live: test.live}).Run(t.Context(), storestest.Hour(100))
			if err != nil {
				t.Fatal(err)
			}
			newest := int64(0)
			if seen.Newest != nil {
				newest = seen.Newest.Manifest.Revision
			}
			if newest != test.newest || len(seen.Wrong) != len(test.wrong) {
				t.Fatalf("newest %d, want %d; wrong %q, want %q", newest, test.newest, seen.Wrong, test.wrong)
			}
			for i, want := range test.wrong {
				if !strings.Contains(seen.Wrong[i], want) {
					t.Errorf("said %q, want %q", seen.Wrong[i], want)
				}
			}
		})
	}
}

// counting is a bucket that counts what is asked of it.
type counting struct {
	storage.Bucket
	asked map[string]int
}

func (c counting) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	c.asked[fmt.Sprintf("open %t", strings.HasSuffix(obj.Key, ".json"))]++
	return c.Bucket.Open(ctx, obj)
}

// TestInspectIsCheap: of many snapshots the newest is read and no other, even where the data of many older ones is gone.
func TestInspectIsCheap(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	for n := range 60 {
		a.FillWith(t, n)
	}
	for n := range 20 {
		storestest.Remove(t, bucket, "v1/test/snapshots/"+storestest.MustID(n)+".db")
	}
	asked := counting{bucket, map[string]int{}}
	seen, err := (&Inspector{Store: storestest.StoreIn(t, "a", asked).Store}).Run(t.Context(), storestest.Hour(100))
	if err != nil || seen.Newest == nil || seen.Newest.Manifest.Revision != 59 || len(seen.Wrong) != stores.Named+1 {
		t.Fatalf("%+v, error %v", seen, err)
	}
	if want := map[string]int{"open true": 2}; fmt.Sprint(asked.asked) != fmt.Sprint(want) { // a manifest, and cluster.json
		t.Errorf("asked for %v, want %v", asked.asked, want)
	}
}

// TestInspectFaults: a store that cannot be read is an error, and never a store without snapshots or one without a flaw.
func TestInspectFaults(t *testing.T) {
	storagetest.Faults(t, storestest.OpenFolder, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		a := storestest.StoreIn(t, "a", bucket)
		a.FillWith(t, 1, 2)
		a.Prove(t, 2, false)
		seen, err := (&Inspector{Store: storestest.StoreIn(t, "a", faulty).Store, Live: storestest.OurCluster}).Run(t.Context(), storestest.Hour(100))
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) {
			t.Errorf("fault met: %v, error %v", faulty.Met(), err)
		}
		if err == nil && (seen.Newest == nil || seen.Newest.Manifest.Revision != 1 || len(seen.Wrong) != 1) {
			t.Errorf("%+v", seen)
		}
	})
}

// late is a bucket whose first listing was made while a snapshot was stored, between its data and its manifest.
type late struct {
	storage.Bucket
	hidden string
	lists  *int
}

func (l late) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	*l.lists++
	first := *l.lists == 1
	return func(yield func(storage.Object, error) bool) {
		for obj, err := range l.Bucket.List(ctx, prefix) {
			if (!first || obj.Key != l.hidden) && !yield(obj, err) {
				return
			}
		}
	}
}

// TestInspectBesideAnUpload: data that one listing missed and the next shows is not gone.
func TestInspectBesideAnUpload(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	storestest.StoreIn(t, "a", bucket).FillWith(t, 1, 2)
	a := storestest.StoreIn(t, "a", late{bucket, "v1/test/snapshots/" + storestest.MustID(2) + ".db", new(int)})
	seen, err := (&Inspector{Store: a.Store}).Run(t.Context(), storestest.Hour(100))
	if err != nil || len(seen.Wrong) > 0 || seen.Newest == nil || seen.Newest.Manifest.Revision != 2 {
		t.Errorf("%+v, error %v", seen, err)
	}
}
