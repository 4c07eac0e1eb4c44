package schedule

import "time"

// Record is what the loop remembers of one job. Times are in UTC.
type Record struct {
	// Schedule and Zone are the expression and the time zone that Settled goes by.
	Schedule string `json:"schedule"`
	Zone     string `json:"zone"`
	// Settled is the instant up to which every due run was run or is given up. Until the first run is due it
	// is the instant when the job was first started.
	Settled time.Time `json:"settled,omitzero"`
	// Due, Started and Ended are those of the last run that ended; zero if there was none.
	Due     time.Time `json:"due,omitzero"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// OK means that this run did its work. Otherwise Error says why not.
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	// Next is when the job is due next; zero means never.
	Next time.Time `json:"next,omitzero"`
}

// State keeps the records of all jobs, by their names, over restarts.
type State interface {
	// Load returns what was saved last; empty if nothing ever was. After an error the loop goes on without
	// its past, so an implementation must keep what it could not read from being overwritten. An error that
	// wraps ErrStateDamaged means that it did so.
	Load() (map[string]Record, error)
	// Save replaces everything that was saved before, or leaves it as it is and
	// returns an error.
	Save(records map[string]Record) error
}
