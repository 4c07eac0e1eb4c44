package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	loadKeys    = 100
	attemptTime = 10 * time.Second // longer than a member waits for a commit
	retryPause  = 50 * time.Millisecond
)

// Load is a writer in the background. It keeps to its rate even while the
// cluster stalls, and tries each write again until it is done, as clients of a
// cluster do.
type Load struct {
	cli    *clientv3.Client
	stop   chan struct{}
	once   sync.Once
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	acked time.Time // the last acknowledgement
	stats Stats
	waits []time.Duration
}

// Stats says how the writes of a Load went. A wait runs from the moment a write
// was due, so that those behind a stall count in full. While no member can be
// reached at all, clientv3 waits: that is a long wait and no error.
type Stats struct {
	Writes       int           // acknowledged
	Errors       int           // attempts that failed; one write may count several
	GivenUp      int           // writes that were not acknowledged in a minute
	LongestStall time.Duration // longest wait for one write, given up or not
	Outage       time.Duration // longest time in which no member acknowledged any
	P99          time.Duration // of the waits
}

// Load begins to write small objects to all voters in turn. It ends with Stop or
// with the test.
func (c *Cluster) Load(t testing.TB, writesPerSecond int) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{cli: c.client(t, c.Endpoints()...), stop: make(chan struct{}), cancel: cancel}
	t.Cleanup(func() {
		cancel()
		l.Stop()
	})
	l.wg.Go(func() { l.schedule(ctx, time.Second/time.Duration(writesPerSecond)) })
	return l
}

// Stop ends the load, waits for the writes that are under way, each of them a
// minute at most, and returns how all went. Later calls return the same.
func (l *Load) Stop() Stats {
	l.once.Do(func() {
		close(l.stop)
		l.wg.Wait()
		l.cancel()
		if len(l.waits) > 0 {
			slices.Sort(l.waits)
			l.stats.LongestStall = l.waits[len(l.waits)-1]
			l.stats.P99 = l.waits[(len(l.waits)-1)*99/100]
		}
	})
	return l.stats
}

func (l *Load) schedule(ctx context.Context, period time.Duration) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	due := time.Now()
	for i := 0; ; {
		// A ticker drops the ticks that come late; the writes are due all the same.
		for ; !due.After(time.Now()); due = due.Add(period) {
			key, at := fmt.Sprintf("/registry/leases/load/node-%d", i%loadKeys), due
			l.wg.Go(func() { l.write(ctx, key, at) })
			i++
		}
		select {
		case <-tick.C:
		case <-l.stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// write tries until the write is acknowledged or its time is over.
func (l *Load) write(ctx context.Context, key string, due time.Time) {
	ctx, cancel := context.WithDeadline(ctx, due.Add(patience))
	defer cancel()
	failed := 0
	var err error
	for {
		if err = l.attempt(ctx, key, due); err == nil || ctx.Err() != nil {
			break
		}
		failed++
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits = append(l.waits, time.Since(due))
	l.stats.Errors += failed
	if err == nil {
		l.gap()
		l.stats.Writes++
	} else {
		l.stats.Errors++
		l.stats.GivenUp++
	}
}

// gap measures from one acknowledgement to the next. When no further writes are due, a gap says nothing.
func (l *Load) gap() {
	select {
	case <-l.stop:
		return
	default:
	}
	now := time.Now()
	if l.stats.Writes > 0 {
		l.stats.Outage = max(l.stats.Outage, now.Sub(l.acked))
	}
	l.acked = now
}

func (l *Load) attempt(ctx context.Context, key string, due time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	_, err := l.cli.Put(ctx, key, due.Format(time.RFC3339Nano))
	return err
}

// Advance changes the cluster's revision, through this member.
func (m *Member) Advance(t testing.TB) {
	t.Helper()
	if _, err := m.Client(t).Put(t.Context(), "/registry/advance", "x"); err != nil {
		t.Fatal(err)
	}
}

// Bloat writes 300 revisions of three large values, so that the files are mostly empty once the history is compacted.
func (c *Cluster) Bloat(t testing.TB) {
	t.Helper()
	cli := c.Client(t)
	value := strings.Repeat("x", 32<<10)
	for i := range 300 {
		if _, err := cli.Put(t.Context(), "/registry/configmaps/big-"+strconv.Itoa(i%3), value); err != nil {
			t.Fatal(err)
		}
	}
}
