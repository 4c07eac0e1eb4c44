package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// Applier carries out one member's part of a plan on this host.
type Applier struct {
	Plan   Plan
	Member string
	// DataDir of the member here; "": as the plan, or the Host, has it.
	DataDir string
	// Host, where kubeadm's static pods are to be stopped and started; nil: nobody runs, and nobody is started.
	Host *Host
	// EtcdVersion that will run on the directory; "": not known.
	EtcdVersion string
	// DryRun makes the checks and tells the steps, and changes nothing.
	DryRun bool
	// StopLimit and StartLimit bound the waiting for static pods; HealthLimit that for a quorum, which on the first
	// hosts of several does not come. 0: two minutes, five, and half a one.
	StopLimit, StartLimit, HealthLimit time.Duration

	// Fetch brings the plain snapshot file. It is asked once nothing else stands in the way.
	Fetch func(ctx context.Context) (path string, err error)
	// Confirm is asked before the first change.
	Confirm func() error
	// Tell hears what is done. Progress hears how far a step is, in bytes. Before is called at the begin of each step; its error
	// ends the step and is handled as the step's own. All may be nil.
	Tell     func(format string, args ...any)
	Progress func(step string, done, total int64)
	Before   func(step Step) error
	// Now is time.Now where it is nil.
	Now func() time.Time

	member Member
	alarms []string // that the snapshot has
	lock   *os.File // the folder that the directories lie in, locked for one run at a time
}

// Outcome is what an apply or a rollback came to.
type Outcome struct {
	Step Step
	// Already: an earlier run did it, this one had nothing to do.
	Already bool
	// Kept is the directory that was replaced, "" when there was none.
	Kept string
	// Waiting: the member runs and has no quorum yet.
	Waiting bool
	// Alarms that the snapshot brought along: see AlarmsText. Only the run that restored it knows them.
	Alarms []string
}

// Run applies the plan. Any failure leaves the host as it was, or, where even that failed, in a state that another Run or
// Rollback goes on from; so does being killed.
func (a *Applier) Run(ctx context.Context) (Outcome, error) {
	l, j, unlock, err := a.open(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer unlock()
	switch j.Step {
	case StepDone:
		still, err := is(l.live, j.New)
		if _, gone := os.Stat(filepath.Join(l.data, "member", "snap", "db")); gone != nil {
			still = false
		}
		if err != nil || !still {
			return Outcome{Step: StepDone}, errors.Join(err, hinted(fmt.Errorf("this plan was applied here before, and %s is not the directory that it made any more, or was emptied", l.live),
				fmt.Sprintf("make a new plan; or, to apply this one again, move away %s and %s", l.journal, l.old)))
		}
		return Outcome{Step: StepDone, Already: true, Kept: kept(l, j)}, release(l.journal)
	case StepGoingBack:
		return Outcome{Step: j.Step}, hinted(errors.New("a rollback was begun and not finished"), "etcdward restore rollback PLAN finishes it; then apply can begin anew")
	case StepNone, StepRestoring, StepRolledBack:
		j = journal{Format: 1, Plan: a.Plan.SHA256, Member: a.member.Name, DataDir: l.data}
		if done, err := a.makeReady(ctx, l, &j); err != nil || !done {
			return Outcome{Step: j.Step}, err
		}
	default:
		a.tell("An earlier run came as far as %q; this one goes on from there.", j.Step)
		if err := a.sameWay(l, j); err != nil {
			return Outcome{Step: j.Step}, err
		}
		a.tellSteps(a.stepsOn(l, j))
		if a.DryRun {
			return Outcome{Step: j.Step}, nil
		}
		if err := a.confirm(); err != nil {
			return Outcome{Step: j.Step}, err
		}
	}
	return a.putInPlace(ctx, l, j)
}

// sameWay refuses to go on without the static pods that an earlier run stopped, and with them where it did not.
func (a *Applier) sameWay(l layout, j journal) error {
	switch {
	case len(j.Files) > 0 && a.Host == nil:
		return hinted(errors.New("this was begun with --kubeadm"), "repeat with --kubeadm")
	case len(j.Files) == 0 && a.Host != nil && j.Step != StepReady:
		return hinted(errors.New("this was begun without --kubeadm"), "repeat with --data-dir "+l.data)
	case a.Host != nil:
		return a.Host.check(a.member)
	}
	return nil
}

// open finds the directories, makes sure that this is the only run on them, and reads how far an earlier one came.
func (a *Applier) open(ctx context.Context) (l layout, j journal, unlock func(), err error) {
	if a.member, err = a.Plan.Member(a.Member); err != nil {
		return l, j, nil, err
	}
	dataDir := a.member.DataDir
	if a.Host != nil {
		dataDir = a.Host.DataDir
	}
	if a.DataDir != "" {
		dataDir = a.DataDir
	}
	if !filepath.IsAbs(dataDir) {
		return l, j, nil, fmt.Errorf("data directory %q: an absolute path is wanted", dataDir)
	}
	if l, err = locate(filepath.Clean(dataDir), a.Plan.ShortID()); err != nil {
		return l, j, nil, err
	}
	if err := checkRights(l); err != nil {
		return l, j, nil, err
	}
	if a.lock, err = lockFolder(ctx, l.folder()); err != nil {
		return l, j, nil, err
	}
	unlock = func() { _ = a.lock.Close() }
	if err = checkOtherPlans(l); err == nil {
		j, err = readJournal(l.journal)
	}
	if err == nil && j.Step != StepNone && (j.Plan != a.Plan.SHA256 || j.Member != a.member.Name) {
		err = hinted(fmt.Errorf("this host is member %s of the plan: so says %s, of an earlier run", j.Member, l.journal),
			fmt.Sprintf("give --member %s; or, if that was wrong, roll it back with --member %s first, and remove the file", j.Member, j.Member))
	}
	if err != nil {
		unlock()
		return l, j, nil, err
	}
	return l, j, unlock, nil
}

// lockWait is how long the children of a run that was killed have to end.
const lockWait = 3 * time.Second

// lockFolder makes sure of being alone in a folder, until the file that it gives is closed here and in every child that it was
// handed to.
func lockFolder(ctx context.Context, path string) (*os.File, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	err = await(ctx, lockWait, func() error { return unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err != nil {
		return nil, errors.Join(hinted(fmt.Errorf("another restore is at work in %s: %w", path, err), "wait until it has ended"), folder.Close())
	}
	return folder, nil
}

// makeReady comes from nothing to a checked directory beside the old one. done is false in a dry run.
func (a *Applier) makeReady(ctx context.Context, l layout, j *journal) (done bool, err error) {
	if err := a.preflight(ctx, l); err != nil {
		return false, err
	}
	file, err := a.Fetch(ctx)
	if err != nil {
		return false, err
	}
	origin, err := a.Plan.CheckFile(ctx, file)
	if err != nil {
		return false, err
	}
	// Once more: the file may have taken the room.
	if err := checkSpace(l, a.Plan.Snapshot.SizeBytes); err != nil {
		return false, err
	}
	a.tell("Every check on this host and on the snapshot held.")
	if a.alarms = origin.Alarms; len(a.alarms) > 0 {
		a.tell("WARNING: %s", AlarmsText(a.alarms))
	}
	a.tellSteps(a.steps(l))
	if a.DryRun {
		return false, nil
	}
	if err := a.confirm(); err != nil {
		return false, err
	}
	if err := reserve(l.journal); err != nil {
		return false, errors.Join(err, release(l.journal))
	}
	err = a.enter(j, l, StepRestoring)
	if err == nil {
		err = a.restore(ctx, l, file)
	}
	if err != nil {
		j.Step = StepRolledBack
		return false, errors.Join(err, l.clear(), j.write(l.journal), release(l.journal))
	}
	return true, a.enter(j, l, StepReady)
}

// restore makes the new directory, checks it and makes it last.
func (a *Applier) restore(ctx context.Context, l layout, file string) error {
	// What an earlier run left unfinished.
	if err := l.clear(); err != nil {
		return err
	}
	a.tell("Restoring into %s.", l.work)
	if err := unpack(ctx, a.Plan, a.member, file, l.work, a.lock, a.step("restore")); err != nil {
		return err
	}
	if l.live == l.data {
		if err := carryOver(l.data, l.work); err != nil {
			return err
		}
	}
	if err := syncTree(ctx, l.work); err != nil {
		return err
	}
	if err := a.check(ctx, l, file); err != nil {
		return err
	}
	as, err := likenessOf(l.live, filepath.Dir(l.live))
	if err != nil {
		return err
	}
	if err := dress(l.fresh, as); err != nil {
		return err
	}
	if there, err := identify(l.live); err == nil && there == (identity{}) {
		a.tell("There was no %s: the new one belongs to user %d. chown -R it where etcd runs as another; with SELinux, restorecon -R it.", l.live, as.uid)
	}
	return syncTree(ctx, l.work)
}

// clear removes what is in the making.
func (l layout) clear() error {
	return errors.Join(os.RemoveAll(l.work), os.RemoveAll(l.check), os.RemoveAll(l.check+".log"))
}

// enter writes the step down, then lets it begin.
func (a *Applier) enter(j *journal, l layout, step Step) error {
	j.Step = step
	if err := j.write(l.journal); err != nil {
		return err
	}
	if a.Before != nil {
		if err := a.Before(step); err != nil {
			return fmt.Errorf("step %s: %w", step, err)
		}
	}
	return nil
}

// kept is where the replaced directory is.
func kept(l layout, j journal) string {
	if j.Old == (identity{}) {
		return ""
	}
	return l.old
}

func (a *Applier) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

func (a *Applier) tell(format string, args ...any) {
	if a.Tell != nil {
		a.Tell(format, args...)
	}
}

func (a *Applier) confirm() error {
	if a.Confirm == nil {
		return nil
	}
	return a.Confirm()
}

// step gives the progress of one step.
func (a *Applier) step(name string) func(done, total int64) {
	return func(done, total int64) {
		if a.Progress != nil {
			a.Progress(name, done, total)
		}
	}
}

// forecast is what the snapshot says that the restored cluster must answer.
func (a *Applier) forecast(ctx context.Context, file string) (snapshot.RestoredFacts, error) {
	return snapshot.Forecast(ctx, file, a.Plan.RevisionBump)
}
