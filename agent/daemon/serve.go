package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/schedule"
)

// serving is the service that answers HTTP clients; false if none is configured.
func (d *daemon) serving(g *generation) (Service, bool, error) {
	if g.Config.Metrics.Listen == config.Off {
		return Service{}, false, nil
	}
	l, err := g.Listener(d.pages(g))
	if err != nil {
		return Service{}, false, err
	}
	l.Quiet = debug.FreeOSMemory // what an answer was made of is not needed before the next one
	return Service{Name: "listener", Run: l.Run}, true, nil
}

// pages are what the listener shows. None of them asks etcd or a store: they show what this process knows.
func (d *daemon) pages(g *generation) map[string]http.Handler {
	return map[string]http.Handler{
		"/metrics": d.metrics.Handler(),
		"/healthz": answer(func() (bool, string) { return d.healthy() }),
		"/readyz":  answer(func() (bool, string) { return d.ready(g, time.Now()) }),
	}
}

// answer is a page with one sentence: 200 if all is well, 503 otherwise.
func answer(say func() (ok bool, text string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ok, text := say()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = fmt.Fprintln(w, text) // a client that is gone needs no answer
	})
}

// healthy is about the process: its loop turns, and no run is over its limit.
func (d *daemon) healthy() (bool, string) {
	if !d.pulse.alive() {
		return false, "the loop of the jobs stands still, or a run is over its limit"
	}
	return true, "ok"
}

// ready is about the last run of each job.
func (d *daemon) ready(g *generation, now time.Time) (bool, string) {
	records, err := jobstate.Read(g.StatePath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, "the records of the jobs cannot be read: " + err.Error()
	}
	return readiness(g.jobs, records, now)
}

// readiness judges the last runs: ready if a snapshot was taken, or is not scheduled, and no job failed when it last ran.
func readiness(jobs []schedule.Job, records map[string]schedule.Record, now time.Time) (bool, string) {
	var wrong, well []string
	for _, job := range jobs {
		switch r := records[job.Name]; {
		case !r.Ended.IsZero() && r.OK:
			well = append(well, fmt.Sprintf("%s: done at %s", job.Name, r.Ended.UTC().Format(time.RFC3339)))
		case !r.Ended.IsZero():
			wrong = append(wrong, fmt.Sprintf("%s: failed at %s: %s", job.Name, r.Ended.UTC().Format(time.RFC3339), r.Error))
		case job.Name == "snapshot":
			wrong = append(wrong, fmt.Sprintf("%s: no run has ended yet, the next is due at %s", job.Name, job.Schedule.Next(now).Format(time.RFC3339)))
		}
	}
	if len(wrong) > 0 {
		return false, strings.Join(slices.Concat(wrong, well), "\n")
	}
	return true, strings.Join(append([]string{"ok"}, well...), "\n")
}
