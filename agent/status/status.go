// Package status answers "am I safe?" from what was seen of the cluster, the stores and the jobs. It is
// pure: it asks nobody, and knows the time only as it is told.
//
// Its one invariant: the verdict is never better than what was proven. What could not be looked at counts
// against it.
package status

import (
	"fmt"
	"time"
)

// Verdict is the answer in one word.
type Verdict string

// Protected: a proven snapshot as new as the schedule promises, in every store, of a healthy cluster. AtRisk: something is wrong, and there is a
// proven snapshot or it is not known that there is none, as Proof says. Unprotected: every store was read, and none holds a proven snapshot.
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
	// Proof says how LastProven is known.
	Proof Proof `json:"proof"`
	// Plan is what to do: one step for each reason, in their order; empty if the cluster is protected.
	Plan []Step `json:"plan"`
	// Agent is the daemon of this host.
	Agent Agent `json:"agent"`
	// Emergency is the newest emergency snapshot, if it is newer than LastProven: taken without a quorum, of one member alone.
	Emergency *Proven `json:"newest_emergency,omitempty"`
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
	// LastProven is the newest proven snapshot there. If the store could not be read, it is the one that was last seen there.
	LastProven *Proven  `json:"last_proven"`
	Error      string   `json:"error,omitempty"`
	Wrong      []string `json:"wrong,omitempty"`
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
	// KnownSince is when the snapshot was proven to this level, SeenAt when it was last seen in the store.
	KnownSince time.Time `json:"known_since"`
	SeenAt     time.Time `json:"seen_at"`
}

// Proof says how the newest proven snapshot is known.
type Proof string

// ProofSeen: a store that was read just now holds it. ProofLastKnown: none that could be read does, and it was seen earlier in one that cannot be read now.
// ProofNone: every store was read, and none holds one. ProofNotKnown: a store could not be read, and nothing was ever seen there.
const (
	ProofSeen      Proof = "seen"
	ProofLastKnown Proof = "last_known"
	ProofNone      Proof = "none"
	ProofNotKnown  Proof = "not_known"
)

// Agent is the daemon of this host. Running is nil if it is not known whether one runs, and Error then says why. The rest is empty unless it does.
type Agent struct {
	Running *bool      `json:"running"`
	PID     int        `json:"pid,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Version string     `json:"version,omitempty"`
	// Binary is the version of the program that asks.
	Binary string `json:"binary_version,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Runs reports whether it is known that the agent runs.
func (a Agent) Runs() bool { return a.Running != nil && *a.Running }

// Step is a reason, and what to do about it; Do is "" if nothing has to be done but to wait.
type Step struct {
	Reason string `json:"reason"`
	Do     string `json:"do"`
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
	// Off means that the schedule is off. KeepWithin is how long retention keeps snapshots, 0 if that is not limited by time: with the schedule off, a newest one
	// that is older is a risk.
	Off        bool
	KeepWithin time.Duration
}

// Age is a duration as people say it: < 1 min, 5 min, 3 h, 2 days.
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "< 1 min"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
