package delivery

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// ofHost is the snapshot that a host took, of the same second and revision as those of the others, with data of its own: they differ by
// what they hold, as emergency snapshots of members may that lost touch with each other.
func ofHost(n int) (snapshot.Manifest, []byte) {
	content := fmt.Appendf(nil, "what host %d found", n) // of one length on all
	m, _ := storestest.Stored(1, func(m *snapshot.Manifest) {
		m.Member.Name, m.Member.ID, m.Emergency = fmt.Sprintf("m%d", n), fmt.Sprint(n), true
		m.HashKV.Hash = uint32(n)
		m.Object.SizeBytes, m.Object.SHA256 = int64(len(content)), storestest.SumOf(content)
	})
	return m, content
}

// TestHostsInOneSecond has hosts deliver snapshots of one second and revision at once: none is mixed with another, and none is lost, in a
// store that keeps its promise and in one that overwrites.
func TestHostsInOneSecond(t *testing.T) {
	const hosts = 4
	for name, open := range map[string]func(t *testing.T) storage.Bucket{
		"directory":               storestest.OpenFolder,
		"a store that overwrites": func(t *testing.T) storage.Bucket { return &storagetest.Overwriting{Bucket: storestest.OpenFolder(t)} },
		"versitygw":               openVersityGW,
	} {
		t.Run(name, func(t *testing.T) {
			bucket := open(t)
			posts := make([]post, hosts)
			for n := range hosts {
				posts[n] = newPost(t, nil)
				m, content := ofHost(n)
				posts[n].add(t, []string{"a"}, m, content)
			}
			// cluster.json first: which host writes that is another test's.
			storestest.StoreIn(t, "a", bucket).FillWith(t, 9)
			var wg sync.WaitGroup
			for _, p := range posts {
				wg.Go(func() {
					if failed := p.run(t, storestest.StoreIn(t, "a", bucket)); len(failed) > 0 {
						t.Errorf("failed: %v", failed)
					}
				})
			}
			wg.Wait()
			for _, p := range posts {
				p.wantEmpty(t)
			}
			a := storestest.StoreIn(t, "a", bucket)
			if got := a.Numbers(t); !slices.Equal(got, []int64{1, 1, 1, 1, 9}) { // each is read back whole
				t.Errorf("stored are %v", got)
			}
			listing, err := a.Catalog.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var members []string
			for _, entry := range listing.Snapshots[:len(listing.Snapshots)-1] {
				m, err := a.Catalog.Manifest(t.Context(), entry)
				if err != nil {
					t.Fatal(err)
				}
				members = append(members, m.Member.Name)
			}
			slices.Sort(members)
			if got := strings.Join(members, " "); got != "m0 m1 m2 m3" {
				t.Errorf("snapshots of %s", got)
			}
			if left := storagetest.List(t, bucket, "v1/test/intents/"); len(left) > 0 {
				t.Errorf("intents are left: %v", left)
			}
		})
	}
}

// TestWrittenOver has a program that knows nothing of intents write over what was just stored.
func TestWrittenOver(t *testing.T) {
	for _, what := range []string{".db", ".json"} {
		folder := storestest.OpenFolder(t)
		bucket := &storagetest.Overwriting{Bucket: folder}
		p := newPost(t, nil)
		m, content := ofHost(1)
		p.add(t, []string{"a"}, m, content)
		theirs, theirContent := ofHost(2)
		var once sync.Once
		bucket.Before = func(key string) {
			if !strings.HasSuffix(key, m.ID+".json") || strings.Contains(key, "intents") {
				return
			}
			once.Do(func() { // after our data, and before our manifest
				if what == ".db" {
					storestest.Replace(t, folder, strings.TrimSuffix(key, ".json")+".db", theirContent)
					return
				}
				theirs.Object.Key = strings.TrimSuffix(key, ".json") + ".db"
				storagetest.Put(t, folder, strings.TrimSuffix(key, ".json")+".db.zst", theirContent)
			})
		}
		a := storestest.StoreIn(t, "a", bucket)
		if failed := p.run(t, a); len(failed) > 0 {
			t.Errorf("%s: failed: %v", what, failed)
		}
		p.wantEmpty(t)
		id := snapshot.NewID(m.TakenAt.Add(1e9), m.Revision)
		entry, err := a.Catalog.Find(t.Context(), id)
		if err != nil {
			t.Errorf("%s: ours is not stored a second later: %v", what, err)
			continue
		}
		if own, err := a.Catalog.Manifest(t.Context(), entry); err != nil || own.Member.Name != "m1" || a.ReadBack(t, own) != nil {
			t.Errorf("%s: a second later there is %+v, %v", what, own.Member, err)
		}
	}
}

// TestNotListed has a store that answers each write with yes, and lists nothing of it, or half: a portal, a console, a default backend. The spool
// keeps what only it has.
func TestNotListed(t *testing.T) {
	for _, hide := range []string{"/snapshots/", ".db", ".json"} {
		folder := storestest.OpenFolder(t)
		p := newPost(t, []string{"a"}, 1, 2)
		failed := p.run(t, storestest.StoreIn(t, "a", hiding{folder, hide}))
		if failed["a"] == nil || !strings.Contains(failed["a"].Error(), "does not list") {
			t.Errorf("%s hidden: failed %v", hide, failed)
		}
		p.wantWaiting(t, "a", 1, 2)
		a := storestest.StoreIn(t, "a", folder)
		if failed := p.run(t, a); len(failed) > 0 {
			t.Errorf("failed: %v", failed)
		}
		a.Want(t, 1, 2)
		p.wantEmpty(t)
	}
}

// TestSetAside has entries wait that no store can take, among others: they are set aside with the reason, and the rest is delivered, however often
// it is tried.
func TestSetAside(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, p post, id string){
		"data longer": func(t *testing.T, p post, id string) {
			edit(t, p, id+".data", func(b []byte) []byte { return append(b, 'x') })
		},
		"data shorter": func(t *testing.T, p post, id string) { edit(t, p, id+".data", func(b []byte) []byte { return b[1:] }) },
		"data changed": func(t *testing.T, p post, id string) {
			edit(t, p, id+".data", func(b []byte) []byte { b[0] ^= 1; return b })
		},
		"data gone": func(t *testing.T, p post, id string) {
			if err := os.Remove(filepath.Join(p.folder, id+".data")); err != nil {
				t.Fatal(err)
			}
		},
		"a manifest that cannot be encoded": func(t *testing.T, p post, id string) {
			edit(t, p, id+".json", func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `"compression":"none"`, `"compression":"lzma"`, 1))
			})
		},
		"record cut": func(t *testing.T, p post, id string) {
			edit(t, p, id+".json", func(b []byte) []byte { return b[:len(b)/2] })
		},
		"record of another": func(t *testing.T, p post, id string) {
			edit(t, p, id+".json", func(b []byte) []byte { return []byte(strings.Replace(string(b), id, storestest.MustID(9), 1)) })
		},
	} {
		for _, at := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("%s, number %d of 3", name, at), func(t *testing.T) {
				p := newPost(t, []string{"a", "b"}, 1, 2, 3)
				spoil(t, p, storestest.MustID(at))
				a, b := storestest.StoreIn(t, "a", storestest.OpenFolder(t)), storestest.StoreIn(t, "b", storestest.OpenFolder(t))
				p.run(t, a, b)
				want := slices.DeleteFunc([]int64{1, 2, 3}, func(n int64) bool { return n == int64(at) })
				for _, store := range []storestest.Store{a, b} {
					if got := store.Numbers(t); !slices.Equal(got, want) {
						t.Errorf("store %s has %v", store.Name, got)
					}
				}
				p.wantEmpty(t)
				aside, err := spool.PeekAside(p.folder)
				if err != nil || len(aside) != 1 || aside[0].ID != storestest.MustID(at) || aside[0].Reason == "" {
					t.Errorf("set aside: %v, %v", aside, err)
				}
				if failed := p.run(t, a, b); len(failed) > 0 {
					t.Errorf("the next run failed: %v", failed)
				}
			})
		}
	}
}

// TestSpooledUnfit has an earlier version have spooled a manifest with the name of a member as it was: it is escaped, and stored.
func TestSpooledUnfit(t *testing.T) {
	p := newPost(t, []string{"a"}, 1, 2)
	edit(t, p, storestest.MustID(1)+".json", func(b []byte) []byte { return []byte(strings.Replace(string(b), `"m1"`, `"m\t1\u001b[2J"`, 1)) })
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	if failed := p.run(t, a); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	a.Want(t, 1, 2)
	p.wantEmpty(t)
	listing, err := a.Catalog.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := a.Catalog.Manifest(t.Context(), listing.Snapshots[0]); err != nil || m.Member.Name != `m\t1\x1b[2J` {
		t.Errorf("stored of %q, %v", m.Member.Name, err)
	}
}

func edit(t *testing.T, p post, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(p.folder, name)
	body, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(body), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeliverTellsOfOthers holds that a run whose snapshot was stored tells of one that waited beside it and was not.
func TestDeliverTellsOfOthers(t *testing.T) {
	refused := errors.New("EntityTooLarge")
	p := newPost(t, []string{"a"}, 1, 2)
	a := storestest.StoreIn(t, "a", storestest.Refusing(storestest.OpenFolder(t), "put", "-1.db", refused))
	m, _ := storestest.Stored(2)
	result, err := p.courier(t, a).Deliver(t.Context(), m)
	if !errors.Is(err, agent.ErrPartial) || !errors.Is(err, refused) || len(result.Stored) != 1 || len(result.Failed) != 0 {
		t.Errorf("got %+v, %v", result, err)
	}
}

// TestStoreRefusesOne has a store refuse one snapshot for ever, for a reason that only it knows.
func TestStoreRefusesOne(t *testing.T) {
	tooLarge := errors.New("EntityTooLarge")
	for refused := int64(1); refused <= 4; refused++ {
		p := newPost(t, []string{"a"}, 1, 2, 3, 4)
		a := storestest.StoreIn(t, "a", storestest.Refusing(storestest.OpenFolder(t), "put", fmt.Sprintf("-%d.db", refused), tooLarge))
		if failed := p.run(t, a); !errors.Is(failed["a"], tooLarge) {
			t.Errorf("failed: %v", failed)
		}
		want := slices.DeleteFunc([]int64{1, 2, 3, 4}, func(n int64) bool { return n == refused })
		if got := a.Numbers(t); !slices.Equal(got, want) {
			t.Errorf("stored are %v, want %v", got, want)
		}
		p.wantWaiting(t, "a", refused)
	}
}
