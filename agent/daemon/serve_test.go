package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/schedule"
)

func TestReadiness(t *testing.T) {
	hourly, err := schedule.Parse("0 * * * *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)
	jobs := []schedule.Job{{Name: "snapshot", Schedule: hourly}, {Name: "verify", Schedule: hourly}}
	done := schedule.Record{Ended: now.Add(-30 * time.Minute), OK: true}
	failed := schedule.Record{Ended: now.Add(-30 * time.Minute), Error: "no store has it"}
	for _, c := range []struct {
		name    string
		jobs    []schedule.Job
		records map[string]schedule.Record
		ready   bool
		text    string
	}{
		{"nothing ran", jobs, nil, false, "snapshot: no run has ended yet, the next is due at 2026-11-22T11:00:00Z"},
		{"the first run is under way", jobs, map[string]schedule.Record{"snapshot": {Settled: now}}, false, "no run has ended yet"},
		{"a snapshot was taken", jobs, map[string]schedule.Record{"snapshot": done}, true, "ok\nsnapshot: done at 2026-11-22T10:00:00Z"},
		{"the last one failed", jobs, map[string]schedule.Record{"snapshot": failed, "verify": done}, false, "snapshot: failed at 2026-11-22T10:00:00Z: no store has it\nverify: done"},
		{"another job failed", jobs, map[string]schedule.Record{"snapshot": done, "verify": failed}, false, "verify: failed"},
		{"a job that is switched off now had failed", jobs[:1], map[string]schedule.Record{"snapshot": done, "verify": failed}, true, "ok"},
		{"no snapshots are scheduled", jobs[1:], nil, true, "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ready, text := readiness(c.jobs, c.records, now)
			if ready != c.ready || !strings.HasPrefix(text, c.text) && !strings.Contains(text, c.text) {
				t.Errorf("%v %q", ready, text)
			}
		})
	}
}
