// Package restore turns a snapshot back into a member of a cluster, on one host: the steps from the file to a running member, and
// back. It knows neither stores nor the command line.
//
// Its one invariant: at every moment, killed or not, the data directory as it was and the restored one are both whole
// somewhere beside each other, or the restored one is no longer needed; the journal and the inodes say which is
// which, so that another apply goes on and a rollback goes back.
package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/unpack"
)

// Applier carries out one member's part of a plan on this host.
type Applier struct {
	Plan   plan.Plan
	Member string
	// DataDir of the member here; "": as the plan, or the Host, has it.
	DataDir string
	// Host, if kubeadm's static pods are to be stopped and started; nil: no pod is stopped or started.
	Host *kubeadm.Host
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

	member plan.Member
	origin snapshot.Origin // of the file, once it was checked
	lock   *os.File        // the folder that the directories lie in, locked for one run at a time
}

// Step is how far a restore on this host has come.
type Step = place.Step

// Outcome is what an apply or a rollback came to.
type Outcome struct {
	Step Step
	// Already: an earlier run did it, this one had nothing to do.
	Already bool
	// Kept is the directory that was replaced, "" when there was none.
	Kept string
	// Waiting: the member runs and has no quorum yet.
	Waiting bool
	// Alarms that the snapshot brought along, and Warnings of all that it did, in words. Only the run that restored it knows them.
	Alarms, Warnings []string
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
	case place.StepDone:
		still, err := place.Is(l.Live, j.New)
		if _, gone := os.Stat(filepath.Join(l.Data, "member", "snap", "db")); gone != nil {
			still = false
		}
		if err != nil || !still {
			return Outcome{Step: place.StepDone}, errors.Join(err, fault.WithHint(fmt.Errorf("this plan was applied here before, and %s is not the directory that it made any more, or was emptied", l.Live),
				fmt.Sprintf("make a new plan; or, to apply this one again, move away %s and %s", l.Journal, l.Old)))
		}
		return Outcome{Step: place.StepDone, Already: true, Kept: l.Kept(j)}, place.Release(l.Journal)
	case place.StepGoingBack:
		return Outcome{Step: j.Step}, fault.WithHint(errors.New("a rollback was begun and not finished"), "etcdward restore rollback PLAN finishes it; then apply can begin anew")
	case place.StepNone, place.StepRestoring, place.StepRolledBack:
		j = place.Journal{Format: 1, Plan: a.Plan.SHA256, Member: a.member.Name, DataDir: l.Data}
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

// sameWay refuses to go on without --kubeadm if an earlier run was begun with it, and the other way round.
func (a *Applier) sameWay(l place.Layout, j place.Journal) error {
	switch {
	case len(j.Files) > 0 && a.Host == nil:
		return fault.WithHint(errors.New("this was begun with --kubeadm"), "repeat with --kubeadm")
	case len(j.Files) == 0 && a.Host != nil && j.Step != place.StepReady:
		return fault.WithHint(errors.New("this was begun without --kubeadm"), "repeat with --data-dir "+l.Data)
	case a.Host != nil:
		return a.Host.Check(a.member)
	}
	return nil
}

// open finds the directories, makes sure that no other run uses them, and reads how far an earlier run came.
func (a *Applier) open(ctx context.Context) (l place.Layout, j place.Journal, unlock func(), err error) {
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
	if l, err = place.Locate(filepath.Clean(dataDir), a.Plan.ShortID()); err != nil {
		return l, j, nil, err
	}
	if err := l.CheckRights(); err != nil {
		return l, j, nil, err
	}
	if a.lock, err = place.Lock(ctx, l.Folder()); err != nil {
		return l, j, nil, err
	}
	unlock = func() { _ = a.lock.Close() }
	if err = l.CheckOtherPlans(); err == nil {
		j, err = place.ReadJournal(l.Journal)
	}
	if err == nil && j.Step != place.StepNone && (j.Plan != a.Plan.SHA256 || j.Member != a.member.Name) {
		err = fault.WithHint(fmt.Errorf("this host is member %s of the plan: so says %s, of an earlier run", j.Member, l.Journal),
			fmt.Sprintf("give --member %s; or, if that was wrong, roll it back with --member %s first, and remove the file", j.Member, j.Member))
	}
	if err != nil {
		unlock()
		return l, j, nil, err
	}
	return l, j, unlock, nil
}

// makeReady comes from nothing to a checked directory beside the old one. done is false in a dry run.
func (a *Applier) makeReady(ctx context.Context, l place.Layout, j *place.Journal) (done bool, err error) {
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
	if err := l.CheckSpace(a.Plan.Snapshot.SizeBytes); err != nil {
		return false, err
	}
	a.tell("Every check on this host and on the snapshot held.")
	a.origin = origin
	for _, warning := range plan.Warnings(origin) {
		a.tell("WARNING: %s.", warning)
	}
	a.tellSteps(a.steps(l))
	if a.DryRun {
		return false, nil
	}
	if err := a.confirm(); err != nil {
		return false, err
	}
	if err := place.Reserve(l.Journal); err != nil {
		return false, errors.Join(err, place.Release(l.Journal))
	}
	err = a.enter(j, l, place.StepRestoring)
	if err == nil {
		err = a.restore(ctx, l, file)
	}
	if err != nil {
		j.Step = place.StepRolledBack
		return false, errors.Join(err, l.Clear(), j.Write(l.Journal), place.Release(l.Journal))
	}
	return true, a.enter(j, l, place.StepReady)
}

// restore makes the new directory, checks it and makes it last.
func (a *Applier) restore(ctx context.Context, l place.Layout, file string) error {
	// What an earlier run left unfinished.
	if err := l.Clear(); err != nil {
		return err
	}
	a.tell("Restoring into %s.", l.Work)
	if err := unpack.Run(ctx, order(a.Plan, a.member, file, l.Work), a.step("restore"), a.lock); err != nil {
		return err
	}
	if l.Live == l.Data {
		if err := place.CarryOver(l.Data, l.Work); err != nil {
			return err
		}
	}
	if err := place.SyncTree(ctx, l.Work); err != nil {
		return err
	}
	if err := a.check(ctx, l, file); err != nil {
		return err
	}
	as, err := place.LikenessOf(l.Live, filepath.Dir(l.Live))
	if err != nil {
		return err
	}
	if err := place.Dress(l.Fresh, as); err != nil {
		return err
	}
	if there, err := place.Identify(l.Live); err == nil && there == (place.Identity{}) {
		a.tell("There was no %s: the new one belongs to user %d. chown -R it where etcd runs as another; with SELinux, restorecon -R it.", l.Live, as.UID)
	}
	return place.SyncTree(ctx, l.Work)
}

// enter writes the step down, then lets it begin.
func (a *Applier) enter(j *place.Journal, l place.Layout, step Step) error {
	j.Step = step
	if err := j.Write(l.Journal); err != nil {
		return err
	}
	if a.Before != nil {
		if err := a.Before(step); err != nil {
			return fmt.Errorf("step %s: %w", step, err)
		}
	}
	return nil
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

// order is what a plan asks for one member. The child of the restore holds the lock too: if this process is killed, no other run begins before the
// child has ended.
func order(p plan.Plan, m plan.Member, file, to string) unpack.Order {
	return unpack.Order{File: file, To: to, SizeBytes: p.Snapshot.SizeBytes, Bare: p.Snapshot.Bare, Name: m.Name, PeerURLs: m.PeerURLs,
		InitialCluster: p.InitialCluster(), Token: p.Token, Bump: p.RevisionBump, MarkCompacted: p.MarkCompacted}
}
