package retention_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	_ "time/tzdata"

	"github.com/etcdward/etcdward/agent/retention"
)

var now = at("2026-11-22T12:00:00Z")

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// snap reads "ID TIME REVISION" with any of "proven" and "emergency" after it.
func snap(text string) retention.Snapshot {
	words := strings.Fields(text)
	s := retention.Snapshot{ID: words[0], TakenAt: at(words[1])}
	for _, word := range words[2:] {
		switch word {
		case "proven":
			s.Proven = true
		case "level3", "level4", "level5":
			s.Proven, s.Level = true, int(word[5]-'0')
		case "emergency":
			s.Emergency = true
		default:
			panic(word)
		}
	}
	return s
}

func snaps(texts ...string) []retention.Snapshot {
	var all []retention.Snapshot
	for _, text := range texts {
		all = append(all, snap(text))
	}
	return all
}

// lines writes a verdict as "keep ID: reason; reason" and "drop ID: reason".
func lines(v retention.Verdict) []string {
	var out []string
	for _, d := range v.Decisions {
		verb := "drop "
		if d.Keep {
			verb = "keep "
		}
		out = append(out, verb+d.ID+": "+strings.Join(d.Reasons, "; "))
	}
	return out
}

const days = 24 * time.Hour

func TestJudge(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		snaps  []retention.Snapshot
		policy retention.Policy
		want   []string
		held   string
	}{{
		name:   "within: counted back from the newest proven, not from now",
		policy: retention.Policy{KeepWithin: 30 * days},
		snaps: snaps(
			"a 2026-07-31T23:59:59Z proven",
			"b 2026-08-01T00:00:00Z proven",
			"c 2026-08-31T00:00:00Z proven"),
		want: []string{
			"drop a: older than 30 days and not the last one",
			"keep b: within 30 days",
			"keep c: newest proven; within 30 days; the last one"},
	}, {
		name:   "within: counted back from now when the newest proven is ahead",
		policy: retention.Policy{KeepWithin: time.Hour},
		snaps: snaps(
			"a 2026-11-22T11:02:00Z proven",
			"b 2026-11-22T12:04:00Z proven"),
		want: []string{
			"keep a: within 1 hour",
			"keep b: newest proven; within 1 hour; the last one"},
	}, {
		name:   "levels: the newest of each of the higher levels stays",
		policy: retention.Policy{KeepLast: 1},
		snaps: snaps(
			"a 2026-11-17T00:00:00Z level5",
			"b 2026-11-18T00:00:00Z level5",
			"c 2026-11-19T00:00:00Z level3",
			"d 2026-11-20T00:00:00Z level4",
			"e 2026-11-21T00:00:00Z level3",
			"f 2026-11-22T00:00:00Z proven"),
		want: []string{
			"drop a: not the last one",
			"keep b: newest of proof level 5",
			"drop c: not the last one",
			"keep d: newest of proof level 4",
			"keep e: newest of proof level 3",
			"keep f: newest proven; the last one"},
	}, {
		name:   "levels: one snapshot may be the newest of all",
		policy: retention.Policy{KeepLast: 1},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z level4",
			"b 2026-11-21T00:00:00Z level5",
			"c 2026-11-22T00:00:00Z proven"),
		want: []string{
			"drop a: not the last one",
			"keep b: newest of proof level 5",
			"keep c: newest proven; the last one"},
	}, {
		name:   "levels: an emergency is the newest of none beside regular ones",
		policy: retention.Policy{KeepLast: 1},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z level5 emergency",
			"b 2026-11-22T00:00:00Z proven"),
		want: []string{
			"drop a: emergency, and a newer one is proven",
			"keep b: newest proven; the last one"},
	}, {
		name:   "last",
		policy: retention.Policy{KeepLast: 2},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z proven",
			"b 2026-11-21T00:00:00Z proven",
			"c 2026-11-22T00:00:00Z proven"),
		want: []string{
			"drop a: not among the last 2",
			"keep b: one of the last 2",
			"keep c: newest proven; one of the last 2"},
	}, {
		name:   "last: unproven ones do not count, and go once a newer one is proven",
		policy: retention.Policy{KeepLast: 2},
		snaps: snaps(
			"a 2026-11-19T00:00:00Z proven",
			"b 2026-11-20T00:00:00Z",
			"c 2026-11-21T00:00:00Z proven",
			"d 2026-11-22T00:00:00Z"),
		want: []string{
			"keep a: one of the last 2",
			"drop b: not proven, and a newer one is proven",
			"keep c: newest proven; one of the last 2",
			"keep d: not proven, and nothing newer is"},
	}, {
		name:   "unproven: it also has to be older than keep_within",
		policy: retention.Policy{KeepWithin: 36 * time.Hour, KeepLast: 1},
		snaps: snaps(
			"a 2026-11-20T11:59:59Z",
			"b 2026-11-20T12:00:00Z",
			"c 2026-11-22T00:00:00Z proven",
			"d 2026-11-22T00:00:00Z"),
		want: []string{
			"drop a: not proven, older than 36 hours, and a newer one is proven",
			"keep b: within 36 hours",
			"keep c: newest proven; within 36 hours; the last one",
			"keep d: within 36 hours; not proven, and nothing newer is"},
	}, {
		name:   "unproven: same second as the newest proven",
		policy: retention.Policy{},
		snaps: snaps(
			"a 2026-11-22T00:00:00Z",
			"b 2026-11-22T00:00:00Z proven"),
		want: []string{
			"keep a: not proven, and nothing newer is",
			"keep b: newest proven; the last one"},
	}, {
		name:   "last: revisions of one second are compared as numbers",
		policy: retention.Policy{KeepLast: 1},
		snaps: []retention.Snapshot{
			{ID: "x-10", TakenAt: now, Revision: 10, Proven: true},
			{ID: "x-9", TakenAt: now, Revision: 9, Proven: true}},
		want: []string{
			"drop x-9: not the last one",
			"keep x-10: newest proven; the last one"},
	}, {
		name:   "daily: the newest of each of the last days that have one",
		policy: retention.Policy{KeepDaily: 2},
		snaps: snaps(
			"a 2026-11-10T23:00:00Z proven",
			"b 2026-11-15T01:00:00Z proven",
			"c 2026-11-15T23:59:00Z proven",
			"d 2026-11-16T12:00:00Z",
			"e 2026-11-22T00:00:00Z proven",
			"f 2026-11-22T01:00:00Z proven"),
		want: []string{
			"drop a: not the last one and not the newest of a kept day",
			"drop b: not the last one and not the newest of a kept day",
			"keep c: newest of 2026-11-15 (daily 2 of 2)",
			"drop d: not proven, and a newer one is proven",
			"drop e: not the last one and not the newest of a kept day",
			"keep f: newest proven; the last one; newest of 2026-11-22 (daily 1 of 2)"},
	}, {
		name:   "daily: days begin in the policy's location",
		policy: retention.Policy{KeepDaily: 2, Location: newYork},
		snaps: snaps(
			"a 2026-11-21T04:59:00Z proven",
			"b 2026-11-21T05:00:00Z proven",
			"c 2026-11-22T04:00:00Z proven"),
		want: []string{
			"keep a: newest of 2026-11-20 (daily 2 of 2)",
			"drop b: not the last one and not the newest of a kept day",
			"keep c: newest proven; the last one; newest of 2026-11-21 (daily 1 of 2)"},
	}, {
		name:   "weekly: ISO weeks, which begin on Monday and do not end with the year",
		policy: retention.Policy{KeepWeekly: 2},
		snaps: snaps(
			"a 2025-12-28T12:00:00Z proven", // Sunday
			"b 2025-12-31T12:00:00Z proven",
			"c 2026-01-04T12:00:00Z proven", // Sunday
			"d 2026-01-05T12:00:00Z proven"),
		want: []string{
			"drop a: not the last one and not the newest of a kept week",
			"drop b: not the last one and not the newest of a kept week",
			"keep c: newest of 2026-W01 (weekly 2 of 2)",
			"keep d: newest proven; the last one; newest of 2026-W02 (weekly 1 of 2)"},
	}, {
		name:   "monthly, and every rule that keeps a snapshot is named",
		policy: retention.Policy{KeepWithin: days, KeepLast: 2, KeepDaily: 1, KeepWeekly: 1, KeepMonthly: 2},
		snaps: snaps(
			"a 2026-08-31T00:00:00Z proven",
			"b 2026-09-01T00:00:00Z proven",
			"c 2026-09-30T00:00:00Z proven",
			"d 2026-11-22T10:00:00Z proven"),
		want: []string{
			"drop a: older than 1 day and not among the last 2 and not the newest of a kept day or week or month",
			"drop b: older than 1 day and not among the last 2 and not the newest of a kept day or week or month",
			"keep c: one of the last 2; newest of 2026-09 (monthly 2 of 2)",
			"keep d: newest proven; within 1 day; one of the last 2; newest of 2026-11-22 (daily 1 of 1); newest of 2026-W47 (weekly 1 of 1); newest of 2026-11 (monthly 1 of 2)"},
	}, {
		name:   "emergency: an outage pushes no regular snapshot out",
		policy: retention.Policy{KeepLast: 2, KeepDaily: 2},
		snaps: snaps(
			"a 2026-11-18T00:00:00Z proven",
			"b 2026-11-19T00:00:00Z proven",
			"c 2026-11-20T00:00:00Z proven emergency",
			"d 2026-11-21T00:00:00Z proven emergency",
			"e 2026-11-22T00:00:00Z emergency"),
		want: []string{
			"keep a: one of the last 2; newest of 2026-11-18 (daily 2 of 2)",
			"keep b: newest proven; one of the last 2; newest of 2026-11-19 (daily 1 of 2)",
			"keep c: emergency, and nothing newer is proven",
			"keep d: emergency, and nothing newer is proven",
			"keep e: emergency, and nothing newer is proven"},
	}, {
		name:   "emergency: it goes once a regular one is proven and it is old enough",
		policy: retention.Policy{KeepWithin: 2 * days, KeepLast: 1},
		snaps: snaps(
			"a 2026-11-19T00:00:00Z proven emergency",
			"b 2026-11-20T00:00:00Z proven emergency",
			"c 2026-11-22T00:00:00Z proven"),
		want: []string{
			"drop a: emergency, older than 2 days, and a newer one is proven",
			"keep b: within 2 days",
			"keep c: newest proven; within 2 days; the last one"},
	}, {
		name:   "emergency: proven ones fill up keep_last",
		policy: retention.Policy{KeepLast: 3},
		snaps: snaps(
			"a 2026-11-18T00:00:00Z proven emergency",
			"b 2026-11-19T00:00:00Z emergency",
			"c 2026-11-20T00:00:00Z proven emergency",
			"d 2026-11-21T00:00:00Z proven emergency",
			"e 2026-11-22T00:00:00Z proven"),
		want: []string{
			"drop a: emergency, and a newer one is proven",
			"drop b: emergency, and a newer one is proven",
			"keep c: emergency, fills up the last 3",
			"keep d: emergency, fills up the last 3",
			"keep e: newest proven; one of the last 3"},
	}, {
		name:   "emergency: while there is nothing else, the rules count them",
		policy: retention.Policy{KeepLast: 1, KeepMonthly: 2},
		snaps: snaps(
			"a 2026-10-18T00:00:00Z proven emergency",
			"b 2026-11-18T00:00:00Z proven emergency",
			"c 2026-11-19T00:00:00Z",
			"d 2026-11-20T00:00:00Z proven emergency",
			"e 2026-11-21T00:00:00Z emergency"),
		want: []string{
			"keep a: newest of 2026-10 (monthly 2 of 2)",
			"drop b: not the last one and not the newest of a kept month",
			"drop c: not proven, and a newer one is proven",
			"keep d: newest proven; the last one; newest of 2026-11 (monthly 1 of 2)",
			"keep e: emergency, and nothing newer is proven"},
	}, {
		name:   "held: nothing is proven",
		policy: retention.Policy{KeepLast: 1},
		snaps:  snaps("a 2026-10-18T00:00:00Z", "b 2026-10-19T00:00:00Z"),
		held:   "no snapshot is proven",
		want: []string{
			"keep a: nothing is removed now: no snapshot is proven",
			"keep b: nothing is removed now: no snapshot is proven"},
	}, {
		name: "held: there is nothing",
		held: "no snapshot is proven",
	}, {
		name:   "held: a snapshot from the future, proven or not",
		policy: retention.Policy{KeepLast: 1},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z proven",
			"b 2026-11-22T00:00:00Z proven",
			"c 2026-11-22T12:05:01Z"),
		held: "snapshot c was taken at 2026-11-22T12:05:01Z, which is in the future: a clock is wrong",
		want: []string{
			"keep a: nothing is removed now: snapshot c was taken at 2026-11-22T12:05:01Z, which is in the future: a clock is wrong",
			"keep b: newest proven; the last one",
			"keep c: not proven, and nothing newer is"},
	}, {
		name:   "not held: five minutes ahead are let pass",
		policy: retention.Policy{KeepLast: 1},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z proven",
			"b 2026-11-22T12:05:00Z proven"),
		want: []string{
			"drop a: not the last one",
			"keep b: newest proven; the last one"},
	}, {
		name:   "held: the newest proven was stored before it was taken",
		policy: retention.Policy{KeepLast: 1},
		snaps: []retention.Snapshot{
			snap("a 2026-11-20T00:00:00Z proven"),
			{ID: "b", TakenAt: at("2026-11-22T11:00:00Z"), Stored: at("2026-11-22T10:54:59Z"), Proven: true}},
		held: "snapshot b was stored at 2026-11-22T10:54:59Z, before it was taken: the clock of the host that took it ran ahead",
		want: []string{
			"keep a: nothing is removed now: snapshot b was stored at 2026-11-22T10:54:59Z, before it was taken: the clock of the host that took it ran ahead",
			"keep b: newest proven; the last one"},
	}, {
		name:   "not held: the clocks of host and store are five minutes apart",
		policy: retention.Policy{KeepLast: 1},
		snaps: []retention.Snapshot{
			snap("a 2026-11-20T00:00:00Z proven"),
			{ID: "b", TakenAt: at("2026-11-22T11:00:00Z"), Stored: at("2026-11-22T10:55:00Z"), Proven: true}},
		want: []string{
			"drop a: not the last one",
			"keep b: newest proven; the last one"},
	}, {
		name:   "listed twice: alike counts once",
		policy: retention.Policy{KeepLast: 2},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z proven",
			"b 2026-11-21T00:00:00Z proven",
			"b 2026-11-21T00:00:00Z proven"),
		want: []string{
			"keep a: one of the last 2",
			"keep b: newest proven; one of the last 2"},
	}, {
		name:   "listed twice: what contradicts itself is kept and counts for nothing",
		policy: retention.Policy{KeepLast: 1},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z proven",
			"b 2026-11-19T00:00:00Z",
			"b 2026-11-21T00:00:00Z proven"),
		want: []string{
			"keep b: listed more than once, with differences",
			"keep a: newest proven; the last one",
			"keep b: listed more than once, with differences"},
	}, {
		name:   "no time: kept, and counts for nothing",
		policy: retention.Policy{KeepWithin: time.Hour, KeepLast: 1},
		snaps: []retention.Snapshot{
			{ID: "a", Proven: true},
			snap("b 2026-11-21T00:00:00Z proven")},
		want: []string{
			"keep a: time taken unknown",
			"keep b: newest proven; within 1 hour; the last one"},
	}, {
		name:   "negative numbers are none",
		policy: retention.Policy{KeepWithin: -1, KeepLast: -2, KeepDaily: -3, KeepWeekly: -4, KeepMonthly: -5},
		snaps: snaps(
			"a 2026-11-20T00:00:00Z proven",
			"b 2026-11-21T00:00:00Z proven"),
		want: []string{
			"drop a: not the last one",
			"keep b: newest proven; the last one"},
	}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			verdict := retention.Judge(test.snaps, test.policy, now)
			if got := lines(verdict); !slices.Equal(got, test.want) {
				t.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
			if verdict.Held != test.held {
				t.Errorf("held: got %q, want %q", verdict.Held, test.held)
			}
		})
	}
}

func TestJudgeWithoutNow(t *testing.T) {
	verdict := retention.Judge(snaps("a 2026-11-20T00:00:00Z proven", "b 2026-11-21T00:00:00Z proven"), retention.Policy{}, time.Time{})
	if verdict.Held == "" || !verdict.Decisions[0].Keep {
		t.Errorf("a clock that shows nothing removes: %+v", verdict)
	}
}
