package compact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// historian is a cluster with one revision for each second since noon.
type historian struct {
	now       time.Time
	history   etcd.History
	compacted []int64
	already   bool
	err       error
}

func (h *historian) Revision(context.Context) (uint64, int64, error) {
	return h.history.ClusterID, h.at(), h.err
}

func (h *historian) History(context.Context) (etcd.History, error) {
	h.history.Revision = h.at()
	return h.history, h.err
}

func (h *historian) at() int64 { return 1 + int64(h.now.Sub(noon)/time.Second) }

func (h *historian) Compact(_ context.Context, revision int64) (bool, error) {
	if h.err == nil && !h.already {
		h.compacted = append(h.compacted, revision)
		h.history.Compacted = revision
	}
	return h.already, h.err
}

func testCompactor(t *testing.T, h *historian, keep time.Duration) *Compactor {
	return &Compactor{Cluster: h, Keep: keep, Path: filepath.Join(t.TempDir(), "revisions.json"), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return h.now }}
}

func TestCompactorKeepsWhatItSays(t *testing.T) {
	const keep = 10 * time.Minute
	h := &historian{now: noon, history: etcd.History{ClusterID: 7}}
	c := testCompactor(t, h, keep)
	for range 240 { // two hours
		h.now = h.now.Add(30 * time.Second)
		if err := c.Note(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h.now.Sub(noon)%(20*time.Minute) == 0 {
			// A restart in between changes nothing.
			c = &Compactor{Cluster: h, Keep: keep, Path: c.Path, Log: c.Log, Now: c.Now}
			done, err := c.Run(t.Context())
			if err != nil || !done.Needed() {
				t.Fatalf("at %s: %+v, %v", h.now, done, err)
			}
			old := h.at() - int64(keep/time.Second)
			if done.To > old || done.To < old-31 {
				t.Errorf("compacted to %d, want the revision of %s ago, %d, or one noted shortly before", done.To, keep, old)
			}
		}
	}
	if len(h.compacted) != 6 {
		t.Errorf("compacted to %v", h.compacted)
	}
}

func TestCompactorFirstNeedsAge(t *testing.T) {
	h := &historian{now: noon.Add(time.Hour), history: etcd.History{ClusterID: 7}}
	c := testCompactor(t, h, 10*time.Minute)
	done, err := c.Run(t.Context())
	if err != nil || done.Needed() || !strings.Contains(done.Reason, "no revision was noted as long as 10m0s ago") || h.compacted != nil {
		t.Errorf("%+v, %v, %v", done, err, h.compacted)
	}
	c = testCompactor(t, h, 0)
	if done, err = c.Run(t.Context()); err != nil || done.To != 3601 || done.From != 0 || done.Revisions != 3600 {
		t.Errorf("with nothing to keep: %+v, %v", done, err)
	}
}

func TestCompactorTellsWhatItDid(t *testing.T) {
	h := &historian{now: noon, history: etcd.History{ClusterID: 7, Compacted: 1000}}
	run := func(change func(*historian)) (Compaction, error) {
		c := testCompactor(t, h, 10*time.Minute)
		h.now, h.compacted, h.already, h.err = noon.Add(time.Hour), nil, false, nil
		h.history = etcd.History{ClusterID: 7, Compacted: 1000}
		if err := c.Note(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(10 * time.Minute)
		if change != nil {
			change(h)
		}
		return c.Run(t.Context())
	}
	if done, err := run(nil); err != nil || done.From != 1000 || done.To != 3601 || done.Revisions != 2601 {
		t.Errorf("usually: %+v, %v", done, err)
	}
	if done, err := run(func(h *historian) { h.already = true }); err != nil || done.Needed() || !strings.Contains(done.Reason, "meanwhile") {
		t.Errorf("compacted by another meanwhile: %+v, %v", done, err)
	}
	if _, err := run(func(h *historian) { h.err = etcd.ErrNoQuorum }); !errors.Is(err, etcd.ErrNoQuorum) {
		t.Errorf("without quorum: %v", err)
	}
	if done, err := run(func(h *historian) { h.history.ClusterID = 8 }); err != nil || done.Needed() {
		t.Errorf("another cluster: %+v, %v", done, err)
	}
}

func TestDecideCompaction(t *testing.T) {
	notes := revisions{Format: revisionsFormat, Notes: []revisionNote{{noon, 100}, {noon.Add(5 * time.Minute), 200}, {noon.Add(15 * time.Minute), 300}}}
	for _, test := range []struct {
		name    string
		history etcd.History
		notes   revisions
		keep    time.Duration
		want    int64 // 0: nothing to do
		say     string
	}{
		{"the last note that is old enough", etcd.History{Revision: 350, Compacted: 50}, notes, 10 * time.Minute, 200, "10m0s ago"},
		{"never compacted before", etcd.History{Revision: 350}, notes, 10 * time.Minute, 200, ""},
		{"the head, when nothing is kept", etcd.History{Revision: 350, Compacted: 50}, notes, 0, 350, "newest"},
		{"nothing noted", etcd.History{Revision: 350}, revisions{}, time.Minute, 0, "no revision was noted yet"},
		{"no note is old enough", etcd.History{Revision: 350}, notes, time.Hour, 0, "the first note is 15m0s old"},
		{"auto-compaction was there", etcd.History{Revision: 350, Compacted: 200}, notes, 10 * time.Minute, 0, "auto-compaction or another client"},
		{"the API server was there", etcd.History{Revision: 350, Compacted: 220, APIServer: 220, APIServerAt: 320}, notes, 10 * time.Minute, 0, "the API server compacts by itself: it did so to revision 220"},
		{"the API server is alive", etcd.History{Revision: 350, Compacted: 150, APIServer: 150, APIServerAt: 320}, notes, 10 * time.Minute, 0, "less than 10m0s ago"},
		{"the API server has stopped", etcd.History{Revision: 350, Compacted: 150, APIServer: 150, APIServerAt: 180}, notes, 10 * time.Minute, 200, ""},
		{"the API server is alive, and nothing is kept", etcd.History{Revision: 350, Compacted: 150, APIServer: 150, APIServerAt: 320}, notes, 0, 350, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := decideCompaction(test.history, test.notes, noon.Add(15*time.Minute), test.keep)
			if got.Needed() != (test.want > 0) || got.Needed() && got.To != test.want || got.From != test.history.Compacted || !strings.Contains(got.Reason, test.say) {
				t.Errorf("%+v, want to %d because %q", got, test.want, test.say)
			}
		})
	}
}

func TestRevisions(t *testing.T) {
	const keep = 10 * time.Minute
	r := revisions{}
	for i := range 5000 {
		r = r.with(1, revisionNote{noon.Add(time.Duration(i) * time.Second), int64(i)}, keep)
	}
	last := noon.Add(4999 * time.Second)
	if len(r.Notes) > 2*mostNotes {
		t.Errorf("%d notes are kept", len(r.Notes))
	}
	if got, ok := r.at(last.Add(-keep)); !ok || got > 4399 || got < 4390 {
		t.Errorf("10 minutes ago the revision was %d, %t", got, ok)
	}
	if got := r.with(1, revisionNote{last.Add(time.Second), 12}, keep); len(got.Notes) != 1 {
		t.Errorf("after a restore %d notes are left", len(got.Notes))
	}
	if got := r.with(2, revisionNote{last.Add(time.Second), 6000}, keep); len(got.Notes) != 1 {
		t.Errorf("of another cluster %d notes are left", len(got.Notes))
	}
	back := r.with(1, revisionNote{last.Add(-5 * time.Minute), 6000}, keep)
	if newest := back.Notes[len(back.Notes)-2]; !newest.At.Before(last.Add(-5 * time.Minute)) {
		t.Errorf("after the clock went back a note of %s is left", newest.At)
	}
	if _, ok := back.at(last); !ok {
		t.Error("nothing is left after the clock went back")
	}
}

func TestClockJumped(t *testing.T) {
	const keep = 10 * time.Minute
	for _, test := range []struct {
		wall, passed time.Duration
		want         bool
	}{{time.Minute, time.Minute, false}, {90 * time.Second, time.Minute, false}, {time.Hour, time.Minute, true}, {-time.Hour, time.Minute, true}, {4 * time.Minute, 0, true}} {
		if got := clockJumped(test.wall, test.passed, keep); got != test.want {
			t.Errorf("the wall moved %s in %s: %t", test.wall, test.passed, got)
		}
	}
}

func TestNotesThatCannotBeRead(t *testing.T) {
	h := &historian{now: noon.Add(time.Hour), history: etcd.History{ClusterID: 7}}
	c := testCompactor(t, h, time.Minute)
	if err := os.WriteFile(c.Path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Note(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Minute)
	if done, err := c.Run(t.Context()); err != nil || done.To != 3601 {
		t.Errorf("%+v, %v", done, err)
	}
	c.Path = filepath.Join(c.Path, "not a folder")
	if err := c.Note(t.Context()); err == nil {
		t.Error("a note that cannot be kept is no error")
	}
}

// apiServer compacts as kube-apiserver does: whoever wins the compare-and-swap on compact_rev_key compacts to the revision of one
// interval ago. It gives the first thing that a real one would log as an error.
func apiServer(ctx context.Context, cli *clientv3.Client, every time.Duration) error {
	var version, revision int64
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		resp, err := cli.Txn(within).
			If(clientv3.Compare(clientv3.Version("compact_rev_key"), "=", version)).
			Then(clientv3.OpPut("compact_rev_key", strconv.FormatInt(revision, 10))).
			Else(clientv3.OpGet("compact_rev_key")).Commit()
		if err == nil && resp.Succeeded && revision > 0 {
			_, err = cli.Compact(within, revision)
		}
		cancel()
		switch {
		case err != nil:
			return fmt.Errorf("compact to %d: %w", revision, err)
		case resp.Succeeded:
			version++
		default:
			version = resp.Responses[0].GetResponseRange().Kvs[0].Version
		}
		revision = resp.Header.Revision
	}
}

// TestBesideAPIServer is a compactor like kube-apiserver's beside ours, an interval of it in the time that is kept, and watches that
// begin anew from what was read a moment less than that ago.
func TestBesideAPIServer(t *testing.T) {
	const interval, keep = 400 * time.Millisecond, 1200 * time.Millisecond
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	load := c.Load(t, 200)
	compactor := &Compactor{Cluster: client.Connect(t, c), Keep: keep, Path: filepath.Join(t.TempDir(), "revisions.json"), Log: slog.New(slog.DiscardHandler)}
	cli := c.Client(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	begun := make(chan struct{})
	wg.Go(func() {
		// For the first half ours is alone, and has work.
		select {
		case <-begun:
		case <-ctx.Done():
			return
		}
		if err := apiServer(ctx, cli, interval); err != nil {
			t.Errorf("the API server's compactor: %v", err)
		}
	})
	young := 0
	wg.Go(func() { young = youngWatches(ctx, t, cli, interval) })
	alone, beside, idle := 0, 0, 0
	due := time.NewTicker(100 * time.Millisecond)
	defer due.Stop()
	for i := range 60 {
		if i == 30 {
			close(begun)
		}
		done, err := compactor.Run(ctx)
		switch {
		case err != nil:
			t.Fatalf("ours: %v", err)
		case done.Needed() && i < 30:
			alone++
		case done.Needed() && i >= 45:
			beside++
		case strings.Contains(done.Reason, "the API server compacts by itself"):
			idle++
		}
		<-due.C
	}
	stop()
	wg.Wait()
	if young == 0 {
		t.Error("no watch began in time")
	}
	if alone < 5 || beside != 0 || idle < 15 {
		t.Errorf("ours compacted %d times alone, %d beside the API server, and left it to that %d times", alone, beside, idle)
	}
	if stats := load.Stop(); stats.Errors > 0 {
		t.Errorf("the load met %d errors", stats.Errors)
	}
}

// youngWatches begins watches from a revision that is nearly an API server's interval old, as its clients do, and counts them. The API
// server itself compacts what is older: a watch that began later than that, because the machine was busy, shows nothing.
func youngWatches(ctx context.Context, t *testing.T, cli *clientv3.Client, age time.Duration) (young int) {
	for ctx.Err() == nil {
		read := time.Now()
		now, err := cli.Get(ctx, "none")
		if err != nil {
			return young // the end of the test
		}
		timer := time.NewTimer(age * 3 / 4)
		<-timer.C
		watch, cancel := context.WithCancel(ctx)
		resp := <-cli.Watch(watch, "/registry/", clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1))
		cancel()
		if ctx.Err() != nil || time.Since(read) >= age {
			continue
		}
		young++
		if errors.Is(resp.Err(), rpctypes.ErrCompacted) {
			t.Errorf("a watch from a revision %s old: %v, compacted to %d", age*3/4, resp.Err(), resp.CompactRevision)
			return young
		}
	}
	return young
}
