// Package status answers "am I safe?" from what was seen of the cluster, the stores and the jobs. It is
// pure: it asks nobody, and knows the time only as it is told.
//
// Its one invariant: the verdict is never better than what was proven. What could not be looked at counts
// against it.
package status

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is the answer in one word.
type Verdict string

// Protected: a proven snapshot as new as the schedule promises, in every store, of a healthy cluster. AtRisk: there is a
// proven snapshot, and something is wrong. Unprotected: no proven snapshot is known.
const (
	Protected   Verdict = "PROTECTED"
	AtRisk      Verdict = "AT_RISK"
	Unprotected Verdict = "UNPROTECTED"
)

// Status is the whole answer. Its JSON is relied on from outside.
type Status struct {
	Verdict    Verdict  `json:"verdict"`
	Reasons    []string `json:"reasons"`
	Cluster    Cluster  `json:"cluster"`
	Members    []Member `json:"members"`
	Stores     []Store  `json:"stores"`
	Jobs       []Job    `json:"jobs"`
	LastProven *Proven  `json:"last_proven"`
	// SetAside are snapshots in the spool of this host that no store can take.
	SetAside []Aside `json:"set_aside,omitempty"`
	// AtWork is the agent that works on the cluster just now, and on what; "": none.
	AtWork string `json:"at_work,omitempty"`
}

// Cluster names the cluster; ID is hex, "" when it could not be asked.
type Cluster struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Strays are alarms of members that are gone, such as "NOSPACE of 8e9e05c52164694d": etcd refuses writes for them all the same.
	Strays []string `json:"stray_alarms,omitempty"`
}

// Member is one member of the cluster.
type Member struct {
	Name         string   `json:"name"`
	ID           string   `json:"id"`
	Endpoint     string   `json:"endpoint"`
	Role         string   `json:"role"`
	Healthy      bool     `json:"healthy"`
	Version      string   `json:"version"`
	DBSizeBytes  int64    `json:"db_size_bytes"`
	DBInUseBytes int64    `json:"db_in_use_bytes"`
	Revision     int64    `json:"revision"`
	RaftIndex    uint64   `json:"raft_index"`
	Alarms       []string `json:"alarms"`
	Error        string   `json:"error,omitempty"`
	// Odd says how the member's data differ from the majority's, as found when a snapshot was taken; "": not that we know.
	Odd string `json:"odd,omitempty"`
}

// Store is one store. LastSuccess is when its newest proven snapshot was taken. Error: it could not be read, and nothing else of
// it is known. Wrong is what was found there that is not as it should be.
type Store struct {
	Name        string     `json:"name"`
	Kind        string     `json:"kind"`
	LastSuccess *time.Time `json:"last_success"`
	Snapshots   int        `json:"snapshots"`
	Spooled     int        `json:"spooled"` // snapshots that wait on this host for it
	Error       string     `json:"error,omitempty"`
	Wrong       []string   `json:"wrong,omitempty"`
}

// Job is one job of the daemon on this host.
type Job struct {
	Name        string     `json:"name"`
	LastStarted *time.Time `json:"last_started"`
	LastEnded   *time.Time `json:"last_ended"`
	OK          bool       `json:"ok"`
	Error       string     `json:"error"`
	Next        *time.Time `json:"next"`
}

// Proven is the newest point in time that the cluster is proven restorable to.
type Proven struct {
	ID       string    `json:"id"`
	TakenAt  time.Time `json:"taken_at"`
	Revision int64     `json:"revision"`
	Level    int       `json:"level"`
	Store    string    `json:"store"`
}

// Aside is a snapshot that was set aside in the spool.
type Aside struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Expectation is what the schedule promises.
type Expectation struct {
	// Snapshot is the time since which there must be a proven snapshot: the due time before the last one.
	// Zero: the schedule is off.
	Snapshot time.Time
	Now      time.Time
}

// Judge sets the verdict and its reasons from the rest of s. clusterErr says why the cluster
// could not be asked, jobsErr why the records of the jobs could not be read.
func Judge(s *Status, e Expectation, clusterErr, jobsErr error) {
	var wrong []string
	note := func(format string, args ...any) { wrong = append(wrong, oneLine(fmt.Sprintf(format, args...))) }
	if clusterErr != nil {
		note("the cluster could not be asked: %v", clusterErr)
	}
	for _, stray := range s.Cluster.Strays {
		note("etcd refuses writes: the alarm %s is raised, which is no member any more; etcdctl alarm disarm ends it", stray)
	}
	judgeMembers(s.Members, note)
	for _, store := range s.Stores {
		switch {
		case store.Error != "":
			note("store %s could not be read: %s", store.Name, store.Error)
		case store.LastSuccess == nil:
			note("store %s holds no proven snapshot of this cluster", store.Name)
		case store.LastSuccess.Before(e.Snapshot):
			note("store %s: its newest proven snapshot is %s old, and a newer one was due", store.Name, age(e.Now.Sub(*store.LastSuccess)))
		}
		for _, what := range store.Wrong {
			note("store %s: %s", store.Name, what)
		}
		switch {
		case store.Spooled == 1:
			note("store %s lacks a snapshot that waits on this host", store.Name)
		case store.Spooled > 1:
			note("store %s lacks %d snapshots that wait on this host", store.Name, store.Spooled)
		}
	}
	if jobsErr != nil {
		note("the jobs' records could not be read: %v", jobsErr)
	}
	for _, a := range s.SetAside {
		note("snapshot %s was set aside on this host, no store can take it: %s; look at it in spool/set-aside below the state directory, then remove its files", a.ID, a.Reason)
	}
	for _, job := range s.Jobs {
		if job.LastEnded != nil && !job.OK {
			note("job %s failed at %s: %s", job.Name, job.LastEnded.UTC().Format(time.RFC3339), job.Error)
		}
	}
	s.Reasons = wrong
	switch {
	case s.LastProven == nil:
		s.Verdict = Unprotected
		s.Reasons = append([]string{unprotected(s.Stores)}, wrong...)
	case len(wrong) > 0:
		s.Verdict = AtRisk
	default:
		s.Verdict = Protected
		s.Reasons = []string{fmt.Sprintf("proven restorable to %s, revision %d", s.LastProven.TakenAt.UTC().Format(time.RFC3339), s.LastProven.Revision)}
	}
}

// unprotected says what it means that no proven snapshot is known.
func unprotected(stores []Store) string {
	if slices.ContainsFunc(stores, func(s Store) bool { return s.Error != "" }) {
		return "no proven snapshot is known: not every store could be read"
	}
	return "no proven snapshot is known: the cluster cannot be restored"
}

// oneLine puts errors that were joined beside each other: a reason is one line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

func judgeMembers(members []Member, note func(string, ...any)) {
	for _, m := range members {
		switch {
		case m.Error != "":
			note("member %s does not answer: %s", m.Name, m.Error)
		case !m.Healthy:
			note("member %s is not healthy: it sees no leader, or another one than the quorum", m.Name)
		}
		if m.Odd != "" {
			note("member %s holds other data than the majority, and etcd does not notice: %s; replace the member", m.Name, m.Odd)
		}
		for _, alarm := range m.Alarms {
			note("member %s has the alarm %s", m.Name, alarm)
		}
	}
	if len(members) > 0 && !slices.ContainsFunc(members, func(m Member) bool { return m.Role == "leader" }) {
		note("no member is the leader: there may be no quorum")
	}
}

// age is a duration as people say it.
func age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
