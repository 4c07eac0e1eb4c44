package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// putInPlace comes from a checked directory to a member that uses it. A failure on the way goes back.
func (a *Applier) putInPlace(ctx context.Context, l layout, j journal) (Outcome, error) {
	inPlace, err := is(l.live, j.New)
	if err == nil && !inPlace && a.Host == nil {
		err = a.checkStopped(ctx, l) // nothing is renamed while somebody runs on it
	}
	if err != nil {
		return Outcome{Step: j.Step}, err
	}
	waiting, err := a.place(ctx, l, &j)
	if err != nil {
		a.tell("That failed: %v. Going back.", err)
		// Going back must not be cut short by what ended the way forward.
		if back := a.goBack(context.WithoutCancel(ctx), l, &j); back != nil {
			return Outcome{Step: j.Step}, hinted(errors.Join(err, fmt.Errorf("going back failed as well: %w", back)), "etcdward restore rollback PLAN tries again"+asideText(j))
		}
		return Outcome{Step: j.Step}, err
	}
	return Outcome{Step: StepDone, Kept: kept(l, j), Waiting: waiting, Alarms: a.alarms}, nil
}

// place takes the steps in their order, from whichever the journal is at.
func (a *Applier) place(ctx context.Context, l layout, j *journal) (waiting bool, err error) {
	if a.Host != nil && (j.Step == StepReady || j.Step == StepStopping) {
		j.Manifests, j.Aside, j.Files = a.Host.Manifests, a.Host.Aside, a.Host.Files
		if err := a.enter(j, l, StepStopping); err != nil {
			return false, err
		}
	}
	if inPlace, err := is(l.live, j.New); err != nil {
		return false, err
	} else if !inPlace && a.Host != nil {
		if err := a.stopPods(ctx, l, *j); err != nil {
			return false, err
		}
	}
	if j.Step == StepReady || j.Step == StepStopping {
		if j.Old, err = identify(l.live); err != nil {
			return false, err
		}
		if j.New, err = identify(l.fresh); err != nil {
			return false, err
		}
		if j.New == (identity{}) {
			return false, hinted(fmt.Errorf("the restored directory %s is gone", l.fresh), "run apply again")
		}
		if err := a.enter(j, l, StepSwitching); err != nil {
			return false, err
		}
	}
	if j.Step == StepSwitching {
		if err := l.rename(*j, forward); err != nil {
			return false, err
		}
		if err := l.clear(); err != nil {
			return false, err
		}
		a.tell("%s is the restored directory now%s.", l.live, keptText(kept(l, *j)))
	}
	if a.Host != nil {
		if err := a.enter(j, l, StepStarting); err != nil {
			return false, err
		}
		if waiting, err = a.startPods(ctx, l, *j); err != nil {
			return false, err
		}
	}
	if err := a.enter(j, l, StepDone); err != nil {
		return waiting, err
	}
	return waiting, release(l.journal)
}

func keptText(path string) string {
	if path == "" {
		return ""
	}
	return "; the one that it replaced is kept as " + path
}

// Rollback undoes what Run did with this plan on this host, or what is left of it. The restored directory, which may have been
// written to, is kept under another name.
func (a *Applier) Rollback(ctx context.Context) (Outcome, error) {
	l, j, unlock, err := a.open(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer unlock()
	switch j.Step {
	case StepNone, StepRolledBack:
		return Outcome{Step: j.Step, Already: true}, nil
	case StepRestoring, StepReady:
	default:
		if err := a.sameWay(l, j); err != nil {
			return Outcome{Step: j.Step}, err
		}
		if err := a.canGoBack(ctx, l, j); err != nil {
			return Outcome{Step: j.Step}, err
		}
	}
	a.tell("Going back from %q.", j.Step)
	a.tellSteps(a.stepsBack(l, j))
	if a.DryRun {
		return Outcome{Step: j.Step}, nil
	}
	if err := a.confirm(); err != nil {
		return Outcome{Step: j.Step}, err
	}
	undone, was := j.Undone, j.Step
	if err := a.goBack(ctx, l, &j); err != nil {
		return Outcome{Step: j.Step}, errors.Join(err, a.stay(l, &j, was))
	}
	undone = cmp.Or(undone, j.Undone)
	if found, err := identify(undone); err != nil || found == (identity{}) {
		undone = ""
	}
	return Outcome{Step: StepRolledBack, Kept: undone}, nil
}

// canGoBack makes sure, before anything is stopped, that the way back leads somewhere.
func (a *Applier) canGoBack(ctx context.Context, l layout, j journal) error {
	asBefore, err := l.asBefore(j)
	if err != nil || asBefore {
		return err
	}
	others, err := otherJournals(l)
	if err != nil {
		return err
	}
	for path, other := range others {
		if other.Step == StepDone && other.Old == j.New && other.New != (identity{}) {
			return hinted(fmt.Errorf("what this plan restored was itself replaced, by a restore with another plan, SHA-256 %.16s…", other.Plan),
				"roll that one back first, with its own plan: "+path+" is its record")
		}
	}
	if err := l.feasible(j, backward); err != nil {
		return err
	}
	if a.Host == nil {
		return a.checkStopped(ctx, l)
	}
	return nil
}

// stay has the restored directory, which could not be taken away, run as it did.
func (a *Applier) stay(l layout, j *journal, was Step) error {
	still, err := is(l.live, j.New)
	if err != nil || !still || was != StepDone && was != StepGoingBack {
		return err
	}
	if err := errors.Join(moveFiles(j.Files, j.Aside, j.Manifests), removeAside(j.Aside)); err != nil {
		return hinted(err, "etcdward restore rollback PLAN tries again"+asideText(*j))
	}
	j.Step = was
	if err := j.write(l.journal); err != nil {
		return err
	}
	a.tell("Nothing was taken back: what was restored is in place, as before.")
	return nil
}

// asideText names the folder that manifests may be left in.
func asideText(j journal) string {
	if len(j.Files) == 0 {
		return ""
	}
	return fmt.Sprintf("; until then manifests may be in %s, and not in %s", j.Aside, j.Manifests)
}

// goBack takes the steps back to where nothing was begun.
func (a *Applier) goBack(ctx context.Context, l layout, j *journal) error {
	if j.Step != StepRestoring && j.Step != StepReady {
		if j.Undone == "" {
			j.Undone = l.undone(a.now().UTC().Format("20060102T150405Z"))
		}
		j.Step = StepGoingBack
		if err := j.write(l.journal); err != nil {
			return err
		}
		asBefore, err := l.asBefore(*j)
		if err == nil && !asBefore {
			err = a.stopPods(ctx, l, *j)
		}
		if err == nil && j.New != (identity{}) {
			err = l.rename(*j, backward)
		}
		if err != nil {
			return err
		}
		if err := moveFiles(j.Files, j.Aside, j.Manifests); err != nil {
			return err
		}
		if err := removeAside(j.Aside); err != nil {
			return err
		}
	}
	if err := l.clear(); err != nil {
		return err
	}
	j.Step = StepRolledBack
	return errors.Join(j.write(l.journal), release(l.journal))
}

// asBefore says whether what was there before the switch is there, and nobody needs to stop for a rollback.
func (l layout) asBefore(j journal) (bool, error) {
	if j.New == (identity{}) {
		return true, nil // the switch was not begun
	}
	found, err := identify(l.live)
	return found == j.Old, err
}

// stopPods moves the manifests out of the kubelet's sight, and waits until nothing of them is left running.
func (a *Applier) stopPods(ctx context.Context, l layout, j journal) error {
	if len(j.Files) == 0 {
		return nil
	}
	limit := cmp.Or(a.StopLimit, 2*time.Minute)
	a.tell("Moving %d manifests from %s to %s, and waiting for their processes to end, at most %s.", len(j.Files), j.Manifests, j.Aside, limit)
	if err := os.MkdirAll(j.Aside, 0o700); err != nil {
		return err
	}
	if err := moveFiles(j.Files, j.Manifests, j.Aside); err != nil {
		return err
	}
	err := a.await(ctx, limit, func() error {
		busy, err := locked(l.data)
		if err == nil && busy {
			err = fmt.Errorf("an etcd still runs on %s", l.data)
		}
		for _, u := range append(a.Host.others, a.Host.etcdURLs...) {
			if err == nil && answers(ctx, u) {
				err = fmt.Errorf("%s still answers", u)
			}
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		return hinted(err, "does the kubelet run, and watch "+j.Manifests+"? systemctl status kubelet; crictl ps shows what is left, crictl stop ends it")
	}
	return err
}

// startPods moves the manifests back, etcd's first, and waits until its process has the directory. waiting: it has no quorum.
func (a *Applier) startPods(ctx context.Context, l layout, j journal) (waiting bool, err error) {
	limit := cmp.Or(a.StartLimit, 5*time.Minute)
	a.tell("Moving the manifests back to %s, and waiting for etcd, at most %s.", j.Manifests, limit)
	for i := len(j.Files) - 1; i >= 0; i-- {
		if err := moveFiles(j.Files[i:i+1], j.Aside, j.Manifests); err != nil {
			return false, err
		}
	}
	if err := removeAside(j.Aside); err != nil {
		return false, err
	}
	err = a.await(ctx, limit, func() error {
		busy, err := locked(l.data)
		if err == nil && !busy {
			err = fmt.Errorf("no etcd has opened %s", l.data)
		}
		if err == nil && !answers(ctx, a.Host.PeerURLs[0]) {
			err = fmt.Errorf("%s does not answer", a.Host.PeerURLs[0])
		}
		return err
	})
	alone := len(a.Plan.Members) == 1
	switch {
	case ctx.Err() != nil:
		return false, err
	case err != nil:
		return false, hinted(err, "does the kubelet run, and watch "+j.Manifests+"? systemctl status kubelet; crictl logs shows what etcd says")
	case a.Host.health == "":
		return !alone, nil // nobody tells
	case alone:
		return false, a.await(ctx, limit, func() error { return healthy(ctx, a.Host.health) })
	}
	err = a.await(ctx, cmp.Or(a.HealthLimit, 30*time.Second), func() error { return healthy(ctx, a.Host.health) })
	if err != nil && ctx.Err() == nil {
		return true, nil // the other hosts are to come
	}
	return false, err
}
