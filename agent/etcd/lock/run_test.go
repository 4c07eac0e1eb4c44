package lock

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSettled(t *testing.T) {
	due := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	now := due.Add(time.Minute)
	for _, test := range []struct {
		name string
		run  Run
		once bool
		want string // part of the reason; "": it is to be done
	}{
		{"never ran", Run{}, false, ""},
		{"an earlier one was done", Run{Due: due.Add(-time.Hour), Host: "b", OK: true}, false, ""},
		{"done", Run{Due: due, Host: "b", OK: true}, false, "b did it"},
		{"done here, before a restart", Run{Due: due, Host: "a", OK: true}, false, "a did it"},
		{"a later one was done", Run{Due: due.Add(time.Minute), Host: "b", OK: true}, false, "later run"},
		{"failed elsewhere", Run{Due: due, Host: "b", Tried: []string{"b"}}, false, ""},
		{"failed here", Run{Due: due, Host: "b", Tried: []string{"a", "b"}}, false, "failed on this host"},
		{"failed elsewhere, and one try is all", Run{Due: due, Host: "b", Tried: []string{"b"}}, true, "is not tried again until it is next due"},
		{"done by a clock a little ahead", Run{Due: now.Add(futureTolerance), Host: "b", OK: true}, false, "later run"},
		{"noted by a clock far ahead", Run{Due: now.Add(24 * time.Hour), Host: "b", OK: true}, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			reason, settled := test.run.Settled(due, "a", test.once, now)
			if settled != (test.want != "") || !strings.Contains(reason, test.want) {
				t.Errorf("settled %t: %q, want %q", settled, reason, test.want)
			}
		})
	}
}

// Every host tries a failing run once, and the first success ends it.
func TestRunAfter(t *testing.T) {
	due := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var r Run
	for i, host := range []string{"a", "b"} {
		if _, settled := r.Settled(due, host, false, due); settled {
			t.Fatalf("%s may not try", host)
		}
		r = r.After(due, host, false, due)
		if len(r.Tried) != i+1 || !slices.Contains(r.Tried, host) || r.OK {
			t.Fatalf("after %s failed: %+v", host, r)
		}
		if _, settled := r.Settled(due, host, false, due); !settled {
			t.Fatalf("%s may try twice", host)
		}
	}
	// A host whose clock is an hour behind does its own run, and makes no other host repeat one.
	behind := Run{}.After(due, "b", true, due).After(due.Add(-time.Hour), "c", true, due.Add(-time.Hour))
	if _, settled := behind.Settled(due, "a", false, due); !settled {
		t.Errorf("after a host that is behind it is due again: %+v", behind)
	}
	if _, settled := behind.Settled(due.Add(time.Minute), "a", false, due.Add(time.Minute)); settled {
		t.Errorf("after a host that is behind the next one counts as done: %+v", behind)
	}
	for i := range 50 {
		behind = behind.After(due.Add(time.Duration(i)*time.Minute), "a", true, due)
	}
	if len(behind.Done) != doneKept {
		t.Errorf("%d are remembered", len(behind.Done))
	}
	r = r.After(due, "c", true, due)
	if !r.OK || r.Host != "c" || len(r.Tried) != 0 {
		t.Fatalf("after c succeeded: %+v", r)
	}
	next := r.After(due.Add(time.Hour), "a", false, due)
	if !slices.Equal(next.Tried, []string{"a"}) {
		t.Fatalf("the next run begins with %+v", next)
	}
}
