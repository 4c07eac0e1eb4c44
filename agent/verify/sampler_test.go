package verify

import (
	"fmt"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// TestSamplePeriod lives through half a year of hourly snapshots that are kept for a month: the newest is read by every run, and each other one again
// within the period that is shown.
func TestSamplePeriod(t *testing.T) {
	for _, test := range []struct {
		share        float64
		kept, perDay int
	}{{0.1, 720, 24}, {0.05, 720, 24}, {0.1, 30, 1}, {0.5, 10, 1}, {1, 10, 1}, {0.01, 30, 1}, {0.1, 2, 1}} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			var entries []catalog.Entry
			read := map[string]time.Time{}
			now, period := time.Date(2026, 1, 1, 4, 30, 0, 0, time.UTC), Period(test.kept, test.share)
			for day := range 180 {
				for n := range test.perDay {
					at := now.Add(-24*time.Hour + time.Duration(n+1)*24*time.Hour/time.Duration(test.perDay)).Add(-time.Minute)
					entries = append(entries, catalog.Entry{ID: snapshot.NewID(at, int64(len(entries)+1))})
				}
				if len(entries) > test.kept {
					entries = entries[len(entries)-test.kept:]
				}
				picked := sample(entries, test.share, read)
				if picked[0].ID != entries[len(entries)-1].ID {
					t.Fatal("the newest was not read")
				}
				seen := map[string]bool{}
				for _, e := range picked {
					if seen[e.ID.String()] {
						t.Fatalf("%s was read twice in one run", e.ID)
					}
					seen[e.ID.String()] = true
					read[e.ID.String()] = now
				}
				for _, e := range entries {
					last := read[e.ID.String()]
					if last.IsZero() {
						last = e.ID.TakenAt
					}
					if runs := int(now.Sub(last).Hours() / 24); runs > period && day > test.kept/test.perDay {
						t.Fatalf("day %d: %s was not read for %d runs, and %d are promised", day, e.ID, runs, period)
					}
				}
				now = now.Add(24 * time.Hour)
			}
		})
	}
	for _, test := range []struct {
		count int
		share float64
		want  int
	}{{0, 0.1, 0}, {5, 0, 0}, {1, 0.1, 1}, {11, 0.1, 10}, {720, 0.1, 14}} {
		if got := Period(test.count, test.share); got != test.want {
			t.Errorf("Period(%d, %v) = %d, not %d", test.count, test.share, got, test.want)
		}
	}
}
