// Package drill rehearses a restore: it takes a snapshot out of its store, restores it into a scratch directory with etcd's own library, boots an
// etcd on it, reads every key, and compares with what the cluster held. It measures how long that takes on this host.
//
// Its one invariant: nothing but the proof in the store is left when a drill ends. What a killed process leaves is
// removed by the next drill or the next start of the agent.
package drill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/census"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/unpack"
)

// Driller rehearses restores on this host.
type Driller struct {
	// Dir is where everything of a drill lies. It is made where it is missing, and belongs to drills alone.
	Dir        string
	Identities seal.Identities
	// Host and Tool are noted with the proof.
	Host, Tool string
	Log        *slog.Logger
	Progress   agent.Progress
}

// Result is what a drill found.
type Result struct {
	ID    string    `json:"id"`
	Store string    `json:"store"`
	Host  string    `json:"host"`
	At    time.Time `json:"at"`
	OK    bool      `json:"ok"`
	// Check is the check of level 5: what held, or where it failed.
	Check snapshot.Check `json:"check"`
	// Seconds by phase; the phases that came before a failure.
	Seconds Seconds `json:"seconds"`
	// SizeBytes of the plain snapshot, Keys that exist at Revision, and HashKV there, as the etcd that was booted has them.
	SizeBytes int64  `json:"size_bytes"`
	Revision  int64  `json:"revision"`
	Keys      int64  `json:"keys"`
	Hash      uint32 `json:"hash_kv"`
	// Census is what the keys are.
	Census census.Census `json:"census"`
}

// Seconds is how long each phase of a restore took on this host.
type Seconds struct {
	// Download is the waiting for the store, Decode the rest of the time until the plain file was on the disk and had passed its own checks.
	Download float64 `json:"download"`
	Decode   float64 `json:"decode"`
	Restore  float64 `json:"restore"`
	Boot     float64 `json:"boot"`
	Read     float64 `json:"read"`
}

// Total is the measured time to restore: from the order until every key was read.
func (s Seconds) Total() time.Duration {
	return time.Duration((s.Download + s.Decode + s.Restore + s.Boot + s.Read) * float64(time.Second)).Round(100 * time.Millisecond)
}

// ErrFailed means that an etcd did not boot on what was restored, or held something else than the snapshot: the snapshot proves nothing.
var ErrFailed = errors.New("the drill failed")

// member is the name of the scratch member.
const member = "drill"

// Run rehearses the restore of a stored snapshot and stores the proof beside it. A drill that found something wrong is a result and not an error: Result.OK
// is false. An error leaves the question open: one that wraps ErrBusy, ErrNoRoom or seal.ErrNoIdentity says why no drill took place, one that wraps
// snapshot.ErrDamaged that the stored bytes are not sound, which verify has to confirm.
func (d *Driller) Run(ctx context.Context, found stores.Found) (out Result, err error) {
	m := found.Manifest
	out = Result{ID: m.ID, Store: found.Store.Name, Host: d.Host, At: time.Now().UTC().Truncate(time.Second), SizeBytes: m.SizeBytes, Check: snapshot.Check{Name: snapshot.CheckDrill}}
	place, err := open(d.Dir)
	if err != nil {
		return out, fmt.Errorf("drill %s: %w", m.ID, err)
	}
	defer func() { err = errors.Join(err, place.close()) }()
	if err := place.room(m.SizeBytes, m.TotalKeys); err != nil {
		return out, fmt.Errorf("drill %s: %w", m.ID, err)
	}
	path, err := d.fetch(ctx, place, found, &out.Seconds)
	if err != nil {
		return out, fmt.Errorf("drill: %w", err)
	}
	failed := d.rehearse(ctx, place, path, m, &out)
	if ctx.Err() != nil {
		return out, fmt.Errorf("drill %s: %w", m.ID, context.Cause(ctx))
	}
	if err := inconclusive(failed); err != nil {
		return out, fmt.Errorf("drill %s: %w", m.ID, err)
	}
	out.OK = failed == nil
	out.Check = verdict(out, failed)
	d.note(ctx, found, out)
	return out, nil
}

// fetch brings the plain file, which passed levels 1 and 2 there.
func (d *Driller) fetch(ctx context.Context, p *place, found stores.Found, s *Seconds) (path string, err error) {
	begun, waited := time.Now(), time.Duration(0)
	job := fetch.Fetcher{Identities: d.Identities, Progress: d.Progress, Waited: func(t time.Duration) { waited += t }}
	path = filepath.Join(p.dir, "snapshot.db")
	if err := job.Run(ctx, found, path); err != nil {
		return "", err
	}
	s.Download, s.Decode = waited.Seconds(), (time.Since(begun) - waited).Seconds()
	return path, nil
}

// rehearse restores, boots, reads and compares.
func (d *Driller) rehearse(ctx context.Context, p *place, path string, m snapshot.Manifest, out *Result) error {
	// The number of keys comes from the file alone, and not from the restore.
	want, err := snapshot.Forecast(ctx, path, 1)
	if err != nil {
		return err
	}
	data, begun := filepath.Join(p.dir, "data"), time.Now()
	const peer = "http://127.0.0.1:2380" // nobody listens there: it is the name of the only member's peers
	order := unpack.Order{File: path, To: data, SizeBytes: m.SizeBytes, Name: member, PeerURLs: []string{peer}, InitialCluster: member + "=" + peer, Token: "drill-" + m.ID, Gentle: true}
	if err := unpack.Run(ctx, order, func(done, total int64) { d.Progress.Report("restore", done, total) }, p.lock); err != nil {
		return err
	}
	out.Seconds.Restore = time.Since(begun).Seconds()
	if err := os.Remove(path); err != nil { // its room is needed no more
		return err
	}
	d.Progress.Report("boot and read", 0, 0)
	got, err := scratch.Read(ctx, data, member, m.HashKV.Revision, scratch.Options{Gentle: true}, p.lock)
	if err != nil {
		return err
	}
	out.Seconds.Boot, out.Seconds.Read = got.Boot.Seconds(), got.Read.Seconds()
	out.Revision, out.Keys, out.Hash, out.Census = got.Revision, got.Keys, got.Hash, got.Census
	return compare(got, m, want.Keys)
}

// note stores the proof. A store that lets this host write no proofs takes nothing from the result.
func (d *Driller) note(ctx context.Context, found stores.Found, out Result) {
	proof := catalog.Proof{ID: out.ID, At: out.At, Check: out.Check, Tool: d.Tool, Drill: &catalog.Drill{Host: d.Host, Seconds: out.Seconds.Total().Seconds()}}
	if err := found.Store.Catalog.NoteProof(ctx, proof); err != nil {
		d.Log.Warn("proof not stored", "snapshot", out.ID, "store", found.Store.Name, "error", err)
	}
	level, message := slog.LevelInfo, "restore rehearsed"
	if !out.OK {
		level, message = slog.LevelError, "drill failed"
	}
	d.Log.Log(ctx, level, message, "snapshot", out.ID, "store", found.Store.Name, "seconds", out.Seconds.Total().Seconds(), "reason", out.Check.Detail)
}

// Sweep removes what a killed drill left in dir. While another drill runs there it does nothing.
func Sweep(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	p, err := open(dir)
	if errors.Is(err, ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.close()
}
