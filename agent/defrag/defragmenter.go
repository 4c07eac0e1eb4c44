package defrag

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/printable"
)

// Defragmenter rewrites the database files of members that hold much empty space, one member at a time.
type Defragmenter struct {
	Cluster *etcd.Cluster
	Rules   Rules
	// Compactor compacts first while NOSPACE is raised, because without compaction there may be nothing to gain. nil
	// means that nothing is compacted.
	Compactor *compact.Compactor
	// FreeDisk returns the free bytes on the disk of a member's database; false if the member is on another
	// host or the number is not known. nil means that nothing is known.
	FreeDisk func(etcd.Member) (int64, bool)
	// Between is called between two members and runs what came due meanwhile. nil means that nothing runs.
	Between func(ctx context.Context)
	// LookEvery is how far apart the looks are that find out whether members still remove what was compacted; 0: compact.LookEvery.
	LookEvery time.Duration
	Log       *slog.Logger
}

// Outcome is the result of a run.
type Outcome struct {
	Members []Rewritten // in the order in which they were done
	// Plan is the last plan, which says why each other member was left.
	Plan Plan
	// Compaction is what was compacted first; nil if NOSPACE was not raised.
	Compaction *compact.Compaction
	// Disarmed are the members whose NOSPACE alarm was cleared.
	Disarmed []string
}

// Rewritten is one member that was defragmented.
type Rewritten struct {
	Name string
	// Before and After are the sizes of the file, and InUse is the part of After that holds data. All are in
	// bytes.
	Before, After, InUse int64
	// Took is the time until the member had caught up.
	Took time.Duration
	// LedBefore is the leader when the member's turn came, LedDuring while it was defragmented, and LedAfter when it
	// had caught up.
	LedBefore, LedDuring, LedAfter string
}

// ledger is the record of defragmentations that the agents of all hosts share.
type ledger struct {
	// Left are the members that could not be done, in order. They come first the next time.
	Left []string `json:"left"`
	Pace Pace     `json:"pace"`
	// Underway is the member whose defragmentation was begun and has not ended well; "" if there is none.
	Underway string `json:"underway,omitempty"`
}

const ledgerName = "defrag"

// ErrDiverged means that the members do not hold the same data. Nothing is defragmented until a person has looked,
// because a defragmentation may be the cause and could make it worse.
//
// etcd's own CORRUPT alarm is not raised: it would stop all writes of the cluster at once.
var ErrDiverged = errors.New("the members' data differ")

// ErrNoMember means that no member has the name that was asked for.
var ErrNoMember = errors.New("no such member")

// Plan says what a run would do in a window that closes then; zero: no window. It changes nothing, and compares no
// hashes, since that holds up writers. It waits some seconds, to find out whether members still remove what was compacted.
func (d *Defragmenter) Plan(ctx context.Context, closes time.Time) (Plan, error) {
	book, err := d.recall(ctx)
	if err != nil {
		return Plan{}, fmt.Errorf("plan defragmentation: %w", err)
	}
	facts, err := d.lookStill(ctx, book, closes, planBound)
	if err != nil {
		return Plan{}, fmt.Errorf("plan defragmentation: %w", err)
	}
	return Decide(facts, d.Rules), nil
}

// Run defragments the members that are worth it until the window closes; a zero time means that there is no window. It
// looks and decides again before each member.
//
// The error wraps agent.ErrPartial if members had to be left for a reason other than too little gain, or ErrDiverged. With any other
// error the run stopped at the first failure. The members that were left come first the next time, on whichever host that is.
func (d *Defragmenter) Run(ctx context.Context, closes time.Time) (Outcome, error) {
	r := &defragRun{Defragmenter: d, closes: closes, done: map[string]bool{}}
	err := r.run(ctx)
	return r.out, err
}

// defragRun is one run.
type defragRun struct {
	*Defragmenter
	closes time.Time
	book   ledger
	first  []string // the members that were left before this run
	agreed *agreement
	// over means that the pause would outlast the window: the remaining members are judged, but none is
	// begun.
	over bool
	done map[string]bool
	out  Outcome
}

func (r *defragRun) run(ctx context.Context) error {
	var err error
	if r.book, err = r.recall(ctx); err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	r.first = r.book.Left
	if err := r.makeSpace(ctx); err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	for {
		step, more, err := r.next(ctx)
		if err != nil {
			return fmt.Errorf("defragment: %w", err)
		}
		if !more {
			break
		}
		if err := r.member(ctx, step); err != nil {
			return fmt.Errorf("defragment %s: %w", printable.Text(step.Member.Name, longestText), err)
		}
		if err := r.rest(ctx); err != nil {
			return fmt.Errorf("defragment: stopped after %d members: %w", len(r.out.Members), err)
		}
	}
	return errors.Join(r.disarm(ctx), r.conclude(ctx))
}

// next looks and decides, and before the first member it checks that all members hold the same data.
func (r *defragRun) next(ctx context.Context) (Step, bool, error) {
	facts, err := r.lookStill(ctx, r.book, r.closes, removalBound)
	if err != nil {
		return Step{}, false, err
	}
	facts.Done, facts.First = r.done, r.first
	if r.over {
		facts.Now = r.closes
	}
	r.out.Plan = Decide(facts, r.Rules)
	step, more := r.out.Plan.Next()
	if !more || r.agreed != nil {
		return step, more, nil
	}
	err = r.agree(ctx, facts.Survey)
	if errors.Is(err, ErrDiverged) {
		facts.Diverged = err.Error()
		r.out.Plan = Decide(facts, r.Rules)
		r.Log.Error("members differ, nothing is defragmented", "error", err)
	}
	return step, true, err
}

// longestText is the length, in bytes, above which a name or a reason is cut in an error: etcd takes a name of any.
const longestText = 3000

// conclude writes down which members were left, and logs them.
func (r *defragRun) conclude(ctx context.Context) error {
	left := r.out.Plan.With(Left)
	r.book.Left, r.book.Underway = r.stillLeft(), ""
	var why error
	for _, s := range left {
		why = errors.Join(why, fmt.Errorf("%s left: %s", printable.Text(s.Member.Name, longestText), printable.Text(s.Reason, longestText)))
		r.Log.Warn("member not defragmented", "member", s.Member.Name, "reason", s.Reason)
	}
	for _, s := range r.out.Plan.With(Enough) {
		r.Log.Info("member not defragmented", "member", s.Member.Name, "reason", s.Reason)
	}
	why = errors.Join(why, r.keep(ctx))
	if why != nil {
		return fmt.Errorf("defragment: %w: %w", agent.ErrPartial, why)
	}
	return nil
}

// stillLeft returns the members that come first the next time. If only one member was asked for, nothing changes for the
// others.
func (r *defragRun) stillLeft() []string {
	waiting := r.out.Plan.Waiting(r.first)
	if r.Rules.Only == "" {
		return waiting
	}
	var left []string
	for _, name := range r.first {
		if name != r.Rules.Only && !r.done[name] {
			left = append(left, name)
		}
	}
	return append(left, waiting...)
}

// recall reads the ledger. If it cannot be decoded, the run starts without one, since the ledger only
// improves the run.
func (d *Defragmenter) recall(ctx context.Context) (ledger, error) {
	var book ledger
	found, err := d.Cluster.Recall(ctx, ledgerName, &book)
	if err != nil && !found && !errors.Is(err, etcd.ErrUndecodable) {
		return ledger{}, err
	}
	if err != nil {
		d.Log.Warn("record of earlier defragmentations cannot be read", "error", err)
		return ledger{}, nil
	}
	if book.Underway != "" {
		book.Left = slices.Insert(book.Left, 0, book.Underway)
	}
	return book, nil
}

// keep writes the ledger under the lock. Without the lock, as while NOSPACE is raised, it writes nothing: the ledger saves
// time, and nothing depends on it. Its only error is ErrLockLost, which means that another agent may be at work.
func (r *defragRun) keep(ctx context.Context) error {
	l := etcd.LockOf(ctx)
	if l == nil {
		return nil
	}
	err := l.Keep(context.WithoutCancel(ctx), ledgerName, r.book)
	if err != nil {
		r.Log.Warn("record of this defragmentation not kept", "error", err)
	}
	if errors.Is(err, etcd.ErrLockLost) {
		return err
	}
	return nil
}
