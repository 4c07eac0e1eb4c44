package schedule

import "time"

// Record is what the loop remembers of one job. Times are in UTC.
type Record struct {
	// Schedule and Zone are the expression and the time zone that Settled goes by.
	Schedule string `json:"schedule"`
	Zone     string `json:"zone"`
	// Settled: whatever is due up to this instant was run, or is not to be made
	// up. It is the instant of the job's first start until something was due.
	Settled time.Time `json:"settled,omitzero"`
	// Due, Started and Ended are of the last run that ended; zero: there was none.
	Due     time.Time `json:"due,omitzero"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// OK: that run did its work. Otherwise Error says why not.
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	// Next is when the job is due next; zero: never.
	Next time.Time `json:"next,omitzero"`
}

// State keeps the records of all jobs, by their names, over restarts.
type State interface {
	// Load returns what was saved last; empty when nothing ever was. The loop goes
	// on without its past after an error, so an implementation keeps what it could
	// not read from being overwritten. An error wrapping ErrStateDamaged says that
	// it did.
	Load() (map[string]Record, error)
	// Save replaces everything that was saved before, or leaves it as it is and
	// returns an error.
	Save(records map[string]Record) error
}
