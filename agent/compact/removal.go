package compact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// ErrRemoving means that members still remove what was compacted, after as long as they were waited for.
var ErrRemoving = errors.New("members still remove what was compacted")

// LookEvery is how far apart two looks at the members' databases are by default: longer than a member pauses while it removes.
const LookEvery = 3 * time.Second

// noise is how much less of a database, in bytes, may be in use at a second look though nothing is removed: writes move pages about.
const noise = 64 << 10

// Removal waits for members that remove in the background what was compacted. Until they are done, what they tell of their empty space is
// no measure of what a defragmentation gives back.
type Removal struct {
	Cluster interface {
		Survey(ctx context.Context) (etcd.Survey, error)
	}
	// Every is how far apart two looks are; 0: LookEvery.
	Every time.Duration
	// Bound is the longest wait.
	Bound time.Duration
	// Falling is told how many bytes became free so far, whenever they became more; nil: nobody is.
	Falling func(freed int64)
}

// Await returns when the space in use of no member falls any more between two looks, whoever compacted. The error wraps ErrRemoving if it still
// falls when Bound is over; else it is Survey's, or the cause of ctx's end.
func (r Removal) Await(ctx context.Context) error {
	every := r.Every
	if every == 0 {
		every = LookEvery
	}
	over := time.NewTimer(r.Bound)
	defer over.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	lowest := map[uint64]int64{} // by member
	for freed, first := int64(0), true; ; first = false {
		survey, err := r.Cluster.Survey(ctx)
		if err != nil {
			return fmt.Errorf("await removal: %w", err)
		}
		fell := fall(survey, lowest)
		if fell == 0 && !first {
			return nil
		}
		if freed += fell; fell > 0 && r.Falling != nil {
			r.Falling(freed)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over.C:
			if fell == 0 {
				return nil // one look shows no removal
			}
			return fmt.Errorf("%w, after %s", ErrRemoving, r.Bound.Round(time.Second))
		case <-tick.C:
		}
	}
}

// fall is by how many bytes the space in use fell below the lowest that was seen of each member, and notes the new lowest. A member that is seen for the
// first time falls by nothing, and one that does not answer is left out.
func fall(s etcd.Survey, lowest map[uint64]int64) (bytes int64) {
	for _, m := range s.Members {
		before, seen := lowest[m.ID]
		switch {
		case m.Err != nil:
		case !seen:
			lowest[m.ID] = m.DBInUse
		case m.DBInUse < before-noise:
			bytes += before - m.DBInUse
			lowest[m.ID] = m.DBInUse
		}
	}
	return bytes
}
