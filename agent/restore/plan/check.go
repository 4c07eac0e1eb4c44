package plan

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// clockTolerance is how far the clocks of two hosts may differ.
const clockTolerance = 2 * time.Minute

// CheckClock refuses a clock that is behind what the plan tells of: certificates and leases would go by it.
func (p Plan) CheckClock(now time.Time) error {
	for _, past := range []struct {
		what string
		at   time.Time
		hint string
	}{
		{"the plan was made", p.CreatedAt, "set the clock (timedatectl): certificates and leases go by it"},
		{"the snapshot was taken", p.Snapshot.TakenAt, "set the clock (timedatectl); if that of the snapshot's host was wrong, etcdward fetch it and make a plan with --file"},
	} {
		if now.Before(past.at.Add(-clockTolerance)) {
			return fault.WithHint(fmt.Errorf("the clock of this host says %s, which is before %s (%s)", now.UTC().Format(time.RFC3339), past.what, past.at.UTC().Format(time.RFC3339)), past.hint)
		}
	}
	return nil
}

// CheckFile holds the plain snapshot file to the plan, then makes the checks of levels 1 and 2 on it. An error that wraps
// snapshot.ErrDamaged says that the file must not be restored from.
func (p Plan) CheckFile(ctx context.Context, path string) (snapshot.Origin, error) {
	exam, err := p.examine(ctx, path)
	if err != nil {
		return snapshot.Origin{}, err
	}
	const wayOut = "nothing was changed on this host; etcdward list shows other snapshots, restore plan ID makes a plan of one"
	if exam.Facts.SHA256 != p.Snapshot.SHA256 {
		return snapshot.Origin{}, fault.WithHint(fmt.Errorf("check snapshot %s: SHA-256 is %s and the plan has %s: %w, or another snapshot", path, exam.Facts.SHA256, p.Snapshot.SHA256, snapshot.ErrDamaged), wayOut)
	}
	if err := exam.Err(); err != nil && !exam.Bare {
		return snapshot.Origin{}, fault.WithHint(fmt.Errorf("check snapshot %s: %w", path, err), wayOut)
	}
	if exam.Facts.Revision != p.Snapshot.Revision {
		return snapshot.Origin{}, fault.WithHint(fmt.Errorf("check snapshot %s: it ends at revision %d and the plan has %d", path, exam.Facts.Revision, p.Snapshot.Revision), wayOut)
	}
	return exam.Origin, nil
}

// examine makes the checks of levels 1 and 2; on a bare database, if the plan has one, those of level 2.
func (p Plan) examine(ctx context.Context, path string) (snapshot.Examination, error) {
	file, err := os.Open(path)
	if err != nil {
		return snapshot.Examination{}, fault.WithHint(fmt.Errorf("check snapshot: %w", err), "the file must be on this host; --file says where")
	}
	if err := file.Close(); err != nil {
		return snapshot.Examination{}, fmt.Errorf("check snapshot: %w", err)
	}
	examine := snapshot.Examine
	if p.Snapshot.Bare {
		examine = snapshot.ExamineAny
	}
	exam, err := examine(ctx, path, 0)
	if err != nil {
		return exam, fmt.Errorf("check snapshot: %w", err)
	}
	return exam, nil
}
