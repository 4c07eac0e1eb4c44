package metrics

import (
	"time"

	"github.com/etcdward/etcdward/agent/status"
)

// Facts are what the daemon knows at one moment. What is not known is zero or missing, and is not exported.
type Facts struct {
	// Started is when the daemon was started.
	Started time.Time
	// Looked is when the cluster and the stores were looked at last, and LookTook how long that took; Status is what was seen.
	Looked   time.Time
	LookTook time.Duration
	Status   status.Status
	// Jobs are the scheduled jobs of this host.
	Jobs []Job
	// Probe is the last look at the members, Stores the last look at each store's settings and proofs.
	Probe  Probe
	Stores map[string]Store
	// SpoolLimit is in bytes.
	SpoolLimit int64
	// Defrag is what a member must have to reclaim to be defragmented; nil if that is not scheduled.
	Defrag *Reclaimable
	// ReloadRefused means that the changed configuration cannot be used, so that the one before it stays in force.
	ReloadRefused bool
}

// Reclaimable is an amount of bytes, and a share of the file.
type Reclaimable struct {
	Bytes int64
	Ratio float64
}

// Job is a scheduled job of this host.
type Job struct {
	Name string
	// Interval is the time between two due runs, the longer of those around now; 0 means not known.
	Interval time.Duration
	Next     time.Time
	Running  bool
	// Started and Ended are those of the last run that ended; OK means that it did its work.
	Started, Ended time.Time
	OK             bool
	// Success is when a run last did its work.
	Success time.Time
}

// Probe is one look at the members and at what only this host knows.
type Probe struct {
	// At is when it was made; zero: never.
	At time.Time
	// Reached means that the cluster answered. Members is empty if it did not.
	Reached bool
	Members []Member
	// Holder holds the cluster's lock, for Task; "": nobody.
	Holder, Task string
	// SpoolBytes is the size of everything that waits in the spool.
	SpoolBytes int64
	// Certificates that this host can see.
	Certificates []Certificate
}

// Member is one member of the cluster.
type Member struct {
	ID, Name, Role, Version string
	// Answered means that the member itself was asked. The fields below it are known only then.
	Answered, Healthy bool
	// DBSize, DBInUse and Quota are in bytes; a Quota of 0 is not known.
	DBSize, DBInUse, Quota int64
	Revision               int64
	// Lag is how many committed entries of the log it has yet to apply.
	Lag    uint64
	Alarms []string
	// LeaderChanges are those that it saw since it was started; below 0: not known, as is Sync without counts.
	LeaderChanges float64
	Sync          Histogram
	// Expires is when its certificate expires; zero: not known.
	Expires time.Time
}

// Histogram is a cumulative one.
type Histogram struct {
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64
}

// Certificate is when a certificate expires, by its role, such as "client".
type Certificate struct {
	Role    string
	Expires time.Time
}

// Store is what is known of a store beside its snapshots.
type Store struct {
	// Versioned, Locked and CreateOnly are settings; nil: not known.
	Versioned, Locked, CreateOnly *bool
	// ReadBack and Drilled are the newest proofs of that kind that held.
	ReadBack, Drilled Proof
	// Held is why nothing could be pruned there when that was tried last on this host; "": nothing. HeldSince is since when, Pruned the
	// last time when nothing held it.
	Held              string
	HeldSince, Pruned time.Time
}

// Proof is when a snapshot was proven, and when it was taken; zero: never.
type Proof struct {
	At, TakenAt time.Time
	// Took is how long a restore took in a drill; 0: not measured.
	Took time.Duration
}
