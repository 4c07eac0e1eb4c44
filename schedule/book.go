package schedule

import "time"

const (
	// longestAbsence is how far the wall clock may move between two looks of an
	// idle loop before the host counts as having been away.
	longestAbsence = 2 * longestSleep
	// mostSkipped limits the count of missed runs: a host without a battery for its clock starts in 1970 and
	// then misses half a century of minutes.
	mostSkipped = 10000
)

// book knows what was done and decides what comes next. It reads no clock and runs nothing; the loop does
// both.
type book struct {
	entries []entry
	// busy marks an entry whose run has yielded, so that it is not picked again meanwhile.
	busy map[int]bool
	// looked is when the clock was last looked at; back, when the loop last came
	// back from an absence. What was due before it was missed.
	looked, back time.Time
}

type entry struct {
	job    Job
	record Record
}

// turn is the next thing to do: begin a run, or give up a run whose window has closed.
type turn struct {
	index   int
	run     Run
	skipped int
	closed  bool
}

// openBook goes on from the records. A job without a record starts from now, and so does a job whose
// expression or time zone has changed: an instant that only the new schedule names was never promised, and
// must not look like a missed run. The price is that a run that the old schedule still owed is not made up
// for either.
func openBook(jobs []Job, records map[string]Record, now time.Time) *book {
	b := &book{busy: map[int]bool{}, looked: now, back: now}
	for _, job := range jobs {
		r := records[job.Name]
		if r.Settled.IsZero() {
			r.Settled = r.Due
		}
		changed := r.Schedule != job.Schedule.String() || r.Zone != job.Schedule.Zone()
		if r.Settled.IsZero() || changed && r.Settled.Before(now) {
			r.Settled = now
		}
		r.Schedule, r.Zone = job.Schedule.String(), job.Schedule.Zone()
		b.entries = append(b.entries, entry{job: job, record: r})
		b.settle(len(b.entries)-1, r.Settled)
	}
	return b
}

// settle marks everything up to the instant as done or given up.
func (b *book) settle(index int, upTo time.Time) {
	e := &b.entries[index]
	e.record.Settled = upTo.UTC()
	e.record.Next = e.job.Schedule.Next(upTo)
}

// note keeps the outcome of a run that ended.
func (b *book) note(index int, out Outcome) {
	r := &b.entries[index].record
	r.Due, r.Started, r.Ended = out.Due, out.Started, out.Ended
	r.OK, r.Error = out.Err == nil, ""
	if out.Err != nil {
		r.Error = out.Err.Error()
	}
}

// look takes note of the clock. It returns the names of the jobs that start again from now because the clock
// went back by more than one of their intervals, so that two or more instants lie between now and the one up
// to which they are settled. If the clock went back by less, a job waits, so that nothing runs twice.
func (b *book) look(now time.Time) (anew []string) {
	if now.Sub(b.looked) > longestAbsence || now.Before(b.back) {
		b.back = now
	}
	b.looked = now
	for i := range b.entries {
		e := &b.entries[i]
		if !e.record.Settled.After(now) {
			continue
		}
		first := e.job.Schedule.Next(now)
		second := e.job.Schedule.Next(first)
		if first.IsZero() || second.IsZero() || second.After(e.record.Settled) {
			continue
		}
		b.settle(i, now)
		anew = append(anew, e.job.Name)
	}
	return anew
}

// pick returns what is due: the latest instant of each job and, among all jobs, the one that has been due for
// longest. If two jobs tie, it picks the one that was configured first.
func (b *book) pick(now time.Time) (t turn, ok bool) {
	for i := range b.entries {
		e := &b.entries[i]
		if b.busy[i] || e.job.Patient && len(b.busy) > 0 || e.record.Next.IsZero() || e.record.Next.After(now) {
			continue
		}
		due, is := e.job.Schedule.Last(now, e.record.Settled)
		if !is || ok && !due.Before(t.run.Due) {
			continue
		}
		t, ok = turn{index: i, run: Run{Due: due, Missed: due.Before(b.back)}}, true
	}
	if !ok {
		return turn{}, false
	}
	e := &b.entries[t.index]
	for due := e.record.Next; due.Before(t.run.Due) && t.skipped < mostSkipped; due = e.job.Schedule.Next(due) {
		t.skipped++
	}
	if e.job.Window > 0 {
		t.run.Closes = t.run.Due.Add(e.job.Window)
		t.closed = !now.Before(t.run.Closes)
	}
	return t, true
}

// idle returns how long nothing will be due; a very long time if nothing ever will be.
func (b *book) idle(now time.Time) time.Duration {
	idle := time.Duration(1<<63 - 1)
	for i := range b.entries {
		if next := b.entries[i].record.Next; !next.IsZero() {
			idle = min(idle, next.Sub(now))
		}
	}
	return max(idle, 0)
}

// records returns what the state keeps: the records of the present jobs.
func (b *book) records() map[string]Record {
	records := make(map[string]Record, len(b.entries))
	for i := range b.entries {
		records[b.entries[i].job.Name] = b.entries[i].record
	}
	return records
}
