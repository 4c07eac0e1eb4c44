package retention

import (
	"fmt"
	"strings"
	"time"
)

func (j *ballot) within() {
	if j.policy.KeepWithin == 0 {
		return
	}
	for i, s := range j.snaps {
		if !s.TakenAt.IsZero() && !s.TakenAt.Before(j.horizon) {
			j.keep(i, "within "+words(j.policy.KeepWithin))
		}
	}
}

func (j *ballot) last() {
	left := j.policy.KeepLast
	reason := fmt.Sprintf("one of the last %d", left)
	if left == 1 {
		reason = "the last one"
	}
	for _, i := range j.counted[:min(left, len(j.counted))] {
		j.keep(i, reason)
		left--
	}
	for _, i := range j.filling[:min(left, len(j.filling))] {
		j.keep(i, fmt.Sprintf("emergency, fills up the last %d", j.policy.KeepLast))
	}
}

// periods keeps the newest snapshot of each of the last n periods that have one.
func (j *ballot) periods(n int, rule string, name func(time.Time) string) {
	seen, previous := 0, ""
	for _, i := range j.counted {
		period := name(j.snaps[i].TakenAt.In(j.policy.Location))
		if period == previous {
			continue
		}
		if seen++; seen > n {
			return
		}
		previous = period
		j.keep(i, fmt.Sprintf("newest of %s (%s %d of %d)", period, rule, seen, n))
	}
}

func day(t time.Time) string   { return t.Format(time.DateOnly) }
func month(t time.Time) string { return t.Format("2006-01") }
func week(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// rest keeps the snapshots that do not count for as long as nothing newer is proven. Of two snapshots taken
// in the same second, neither is newer.
func (j *ballot) rest() {
	newest := j.snaps[j.counted[0]].TakenAt
	for i, s := range j.snaps {
		switch {
		case s.TakenAt.IsZero() || newest.After(s.TakenAt) || j.counts(s):
		case s.Emergency:
			j.keep(i, "emergency, and nothing newer is proven")
		default:
			j.keep(i, "not proven, and nothing newer is")
		}
	}
}

// reasonToDrop says why a snapshot that no rule keeps is removed.
func (j *ballot) reasonToDrop(s Snapshot) string {
	var why []string
	if j.policy.KeepWithin > 0 {
		why = append(why, "older than "+words(j.policy.KeepWithin))
	}
	if !j.counts(s) {
		kind := "not proven"
		if s.Emergency {
			kind = "emergency"
		}
		return strings.Join(append([]string{kind}, why...), ", ") + ", and a newer one is proven"
	}
	if j.policy.KeepLast == 1 {
		why = append(why, "not the last one")
	} else {
		why = append(why, fmt.Sprintf("not among the last %d", j.policy.KeepLast))
	}
	var periods []string
	for _, p := range []struct {
		n    int
		name string
	}{{j.policy.KeepDaily, "day"}, {j.policy.KeepWeekly, "week"}, {j.policy.KeepMonthly, "month"}} {
		if p.n > 0 {
			periods = append(periods, p.name)
		}
	}
	if len(periods) > 0 {
		why = append(why, "not the newest of a kept "+strings.Join(periods, " or "))
	}
	return strings.Join(why, " and ")
}

// words writes a duration in whole days or hours if it is a whole number of them.
func words(d time.Duration) string {
	for _, unit := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch {
		case d == unit.d:
			return "1 " + unit.name
		case d%unit.d == 0:
			return fmt.Sprintf("%d %ss", d/unit.d, unit.name)
		}
	}
	return d.String()
}

// The levels of proof of which the newest snapshot is kept: compared with other members, read back, and booted.
const (
	lowestKept  = 3
	highestKept = 5
)

// levels keeps the newest snapshot of each of the higher levels of proof, so that a newer one of which less is known does not push it out. One that is kept
// for a higher level, or as the newest proven one, needs no further reason.
func (j *ballot) levels() {
	kept := map[int]bool{j.counted[0]: true}
	for level := highestKept; level >= lowestKept; level-- {
		for _, i := range j.counted {
			if j.snaps[i].Level < level {
				continue
			}
			if !kept[i] {
				j.keep(i, fmt.Sprintf("newest of proof level %d", level))
				kept[i] = true
			}
			break
		}
	}
}
