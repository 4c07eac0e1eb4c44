package catalog

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestProofs(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id := snapshot.NewID(at(10), 12)
	add := func(id string, when time.Time, check snapshot.Check) {
		t.Helper()
		if err := c.AddProof(t.Context(), Proof{ID: id, At: when, Check: check, Tool: "etcdward 0.1.0"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.Proofs(t.Context(), id); got != nil || err != nil {
		t.Errorf("Proofs of nothing: got %v, %v", got, err)
	}
	late := at(15).Add(999 * time.Millisecond).In(time.FixedZone("east", 2*60*60))
	add(id.String(), late, snapshot.Check{Name: snapshot.CheckDrill, OK: true})
	add(id.String(), at(12), snapshot.Check{Name: snapshot.CheckReadBack, Detail: "it is not\nthe same"})
	add(second+"120", at(11), snapshot.Check{Name: snapshot.CheckReadBack, OK: true})

	got, err := c.Proofs(t.Context(), id)
	want := []Proof{
		{Format: 1, ID: id.String(), At: at(12), Check: snapshot.Check{Name: snapshot.CheckReadBack, Detail: "it is not the same"}, Tool: "etcdward 0.1.0"},
		{Format: 1, ID: id.String(), At: at(15), Check: snapshot.Check{Name: snapshot.CheckDrill, OK: true}, Tool: "etcdward 0.1.0"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Proofs: got %+v, error %v, want %+v", got, err, want)
	}
	other := Proof{ID: id.String(), At: at(12), Check: snapshot.Check{Name: snapshot.CheckReadBack, OK: true}}
	if err := c.AddProof(t.Context(), other); !errors.Is(err, fs.ErrExist) {
		t.Errorf("AddProof of another of the same second and kind: got %v", err)
	}
	// A proof is no snapshot.
	if l := list(t, c); len(l.Snapshots)+len(l.Orphans)+len(l.MissingData) != 0 {
		t.Errorf("List: got %+v", l)
	}
}

func TestAddProofRefused(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	good := Proof{ID: second + "12", At: at(12), Check: snapshot.Check{Name: snapshot.CheckDrill, OK: true}}
	for name, change := range map[string]func(*Proof){
		"no id":          func(p *Proof) { p.ID = "" },
		"id of a path":   func(p *Proof) { p.ID = "../../x" },
		"no kind":        func(p *Proof) { p.Check.Name = "" },
		"kind of a path": func(p *Proof) { p.Check.Name = "../drill" },
		"kind":           func(p *Proof) { p.Check.Name = "Drill 2" },
		"far future":     func(p *Proof) { p.At = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		p := good
		change(&p)
		if err := c.AddProof(t.Context(), p); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	wantKeys(t, bucket)
}

// TestProofsUnreadable: what somebody else wrote is an error beside the proofs that can be read.
func TestProofsUnreadable(t *testing.T) {
	id := snapshot.NewID(at(10), 12)
	body := func(id, at, kind string, format string) string {
		return `{"format":` + format + `,"id":"` + id + `","at":"` + at + `","check":{"name":"` + kind + `","ok":true}}`
	}
	for name, text := range map[string]string{
		"empty": "", "cut": `{"format":1`, "other id": body(second+"13", "2026-11-22T12:00:00Z", "drill", "1"),
		"other time": body(id.String(), "2027-11-22T12:00:00Z", "drill", "1"), "other kind": body(id.String(), "2026-11-22T12:00:00Z", "hash_kv", "1"),
		"other format": body(id.String(), "2026-11-22T12:00:00Z", "drill", "2"), "large": strings.Repeat(" ", maxProofBytes+1),
	} {
		bucket := openBucket(t)
		c := open(t, bucket)
		prefix := home + "proofs/" + id.String() + "/"
		storagetest.Put(t, bucket, prefix+"20261122T120000Z-drill.json", []byte(text))
		storagetest.Put(t, bucket, prefix+"notes.json", []byte("foreign"))
		if err := c.AddProof(t.Context(), Proof{ID: id.String(), At: at(13), Check: snapshot.Check{Name: snapshot.CheckDrill, OK: true}}); err != nil {
			t.Fatal(err)
		}
		got, err := c.Proofs(t.Context(), id)
		if len(got) != 1 || got[0].At != at(13) || !errors.Is(err, snapshot.ErrDamaged) {
			t.Errorf("%s: got %+v, error %v", name, got, err)
		}
	}
}

// TestLatestProofs: of each snapshot the newest that is a proof, whatever somebody else put behind it.
func TestLatestProofs(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	if got, err := c.LatestProofs(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("LatestProofs of nothing: got %v, %v", got, err)
	}
	damaged, fine := second+"1", second+"2"
	for hour, ok := range map[int]bool{11: true, 13: false, 12: true} {
		for _, id := range []string{damaged, fine} {
			p := Proof{ID: id, At: at(hour), Check: snapshot.Check{Name: snapshot.CheckReadBack, OK: ok || id == fine}}
			if err := c.AddProof(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
	}
	for key, text := range map[string]string{
		damaged + "/20991231T235959Z-read_back.json": `{"format":1,"id":"` + fine + `","at":"2099-12-31T23:59:59Z","check":{"name":"read_back","ok":true}}`,
		damaged + "/20991231T235958Z-read_back.json": `{"format":1,"id":"` + damaged + `","at":"2026-11-22T14:00:00Z","check":{"name":"read_back","ok":true}}`,
		fine + "/20991231T235959Z-drill.json":        "{",
		second + "3/20991231T235959Z-drill.json":     "{",
		"notes/x.json":                               "foreign",
	} {
		storagetest.Put(t, bucket, home+"proofs/"+key, []byte(text))
	}
	got, err := c.LatestProofs(t.Context())
	if err != nil || len(got) != 2 || got[damaged].Check.OK || !got[fine].Check.OK || got[damaged].At != at(13) || got[fine].At != at(13) {
		t.Errorf("LatestProofs: got %+v, error %v", got, err)
	}
}
