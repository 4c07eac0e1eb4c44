package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/etcdward/etcdward/agent/atomicfile"
	"github.com/etcdward/etcdward/agent/etcd"
)

// pace is how long the slowest HashKV of the last comparison took, as it is kept in Snapshotter.PacePath.
type pace struct {
	At        time.Time `json:"at"`
	SizeBytes int64     `json:"size_bytes"` // of the member's database
	Seconds   float64   `json:"seconds"`
}

// slowest is the slowest HashKV of this comparison.
type slowest struct{ measured pace }

// assumedPace is what a comparison that none went before is thought to take: 4 s for each GiB.
var assumedPace = pace{SizeBytes: 1 << 30, Seconds: 4}

// paceAge is how long a measurement forbids a comparison. After that one is made again, if the assumed pace allows it: a disk that was busy
// once must not switch level 3 off for good.
const paceAge = 24 * time.Hour

// forecast is how long HashKV takes for a database of some size.
func (p pace) forecast(size int64) time.Duration {
	if p.SizeBytes <= 0 {
		return 0
	}
	return time.Duration(p.Seconds * float64(size) / float64(p.SizeBytes) * float64(time.Second))
}

// tooSlow says why a member is not asked: its answer would hold up writers for longer than the budget. "": it is asked.
func (p *poll) tooSlow(m etcd.Member) string {
	last, err := p.lastPace()
	if err != nil {
		p.Log.Warn("time of the last comparison not read", "error", err)
	}
	basis := fmt.Sprintf("it took %.1f s for %d MiB the last time", last.Seconds, last.SizeBytes>>20)
	if last.SizeBytes <= 0 || last.forecast(m.DBSize) > p.HashBudget && time.Since(last.At) > paceAge {
		last, basis = assumedPace, "as assumed, since none was measured lately"
	}
	expected := last.forecast(m.DBSize)
	if expected <= p.HashBudget && p.HashBudget > 0 {
		return ""
	}
	return fmt.Sprintf("to hash its %d MiB would take about %s (%s), and verify.hash_budget is %s", m.DBSize>>20, expected.Round(100*time.Millisecond), basis, p.HashBudget)
}

// hash asks a member for HashKV at a revision, 0: its newest, within the budget, and measures it. One that reads nothing from its database is not asked: what it would take
// to wake up, from a defragmentation for instance, is no measure of a hash.
func (p *poll) hash(ctx context.Context, m etcd.Member, revision int64) (etcd.Hash, error) {
	if err := p.Cluster.Responds(ctx, m); etcd.Hangs(err) {
		return etcd.Hash{}, err
	}
	begun := time.Now()
	live, err := p.Cluster.HashKV(ctx, m, revision, p.HashBudget)
	took := pace{At: begun.UTC(), SizeBytes: m.DBSize, Seconds: time.Since(begun).Seconds()}
	if (err == nil || etcd.Hangs(err)) && took.Seconds > p.measured.Seconds {
		p.measured = took
	}
	return live, err
}

// lastPace reads what the last comparison on this host took; the zero pace: there was none.
func (s *Snapshotter) lastPace() (last pace, err error) {
	if s.PacePath == "" {
		return last, nil
	}
	body, err := os.ReadFile(s.PacePath)
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	if err == nil {
		err = json.Unmarshal(body, &last)
	}
	if err != nil {
		return pace{}, fmt.Errorf("read %s: %w", s.PacePath, err)
	}
	return last, nil
}

// keepPace notes what this comparison took.
func (p *poll) keepPace() {
	if p.PacePath == "" || p.measured.SizeBytes <= 0 {
		return
	}
	body, err := json.Marshal(p.measured)
	if err == nil {
		err = atomicfile.Write(p.PacePath, body, atomicfile.Options{FolderOwner: true})
	}
	if err != nil {
		p.Log.Warn("time of the comparison not kept", "error", err)
	}
}
