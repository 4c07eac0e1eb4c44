package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
)

// putInPlace comes from a checked directory to a member that uses it. A failure on the way goes back.
func (a *Applier) putInPlace(ctx context.Context, l place.Layout, j place.Journal) (Outcome, error) {
	inPlace, err := place.Is(l.Live, j.New)
	if err == nil && !inPlace && a.Host == nil {
		err = a.checkStopped(ctx, l) // nothing is renamed while an etcd runs on it
	}
	if err != nil {
		return Outcome{Step: j.Step}, err
	}
	waiting, err := a.place(ctx, l, &j)
	if err != nil {
		a.tell("That failed: %v. Going back.", err)
		// Going back must not be cut short by what ended the way forward.
		if back := a.goBack(context.WithoutCancel(ctx), l, &j); back != nil {
			return Outcome{Step: j.Step}, fault.WithHint(errors.Join(err, fmt.Errorf("going back failed as well: %w", back)), "etcdward restore rollback PLAN tries again"+asideText(j))
		}
		return Outcome{Step: j.Step}, err
	}
	return Outcome{Step: place.StepDone, Kept: l.Kept(j), Waiting: waiting, Alarms: a.origin.Alarms, Warnings: plan.Warnings(a.origin)}, nil
}

// place takes the steps in their order, from whichever the journal is at.
func (a *Applier) place(ctx context.Context, l place.Layout, j *place.Journal) (waiting bool, err error) {
	if a.Host != nil && (j.Step == place.StepReady || j.Step == place.StepStopping) {
		j.Manifests, j.Aside, j.Files = a.Host.Manifests, a.Host.Aside, a.Host.Files
		if err := a.enter(j, l, place.StepStopping); err != nil {
			return false, err
		}
	}
	a.joined(j)
	if inPlace, err := place.Is(l.Live, j.New); err != nil {
		return false, err
	} else if !inPlace && a.Host != nil {
		if err := a.pods(l, *j).Stop(ctx); err != nil {
			return false, err
		}
	}
	if j.Step == place.StepReady || j.Step == place.StepStopping {
		if j.Old, err = place.Identify(l.Live); err != nil {
			return false, err
		}
		if j.New, err = place.Identify(l.Fresh); err != nil {
			return false, err
		}
		if j.New == (place.Identity{}) {
			return false, fault.WithHint(fmt.Errorf("the restored directory %s is gone", l.Fresh), "run apply again")
		}
		if err := a.enter(j, l, place.StepSwitching); err != nil {
			return false, err
		}
	}
	if j.Step == place.StepSwitching {
		if err := l.Rename(*j, place.Forward); err != nil {
			return false, err
		}
		if err := l.Clear(); err != nil {
			return false, err
		}
		a.tell("%s is the restored directory now%s.", l.Live, keptText(l.Kept(*j)))
	}
	if a.Host != nil {
		if err := a.enter(j, l, place.StepStarting); err != nil {
			return false, err
		}
		if waiting, err = a.pods(l, *j).Start(ctx, len(a.Plan.Members) == 1); err != nil {
			return false, err
		}
	}
	if err := a.enter(j, l, place.StepDone); err != nil {
		return waiting, err
	}
	return waiting, place.Release(l.Journal)
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
	case place.StepNone, place.StepRolledBack:
		return Outcome{Step: j.Step, Already: true}, nil
	case place.StepRestoring, place.StepReady:
	default:
		if err := a.sameWay(l, j); err != nil {
			return Outcome{Step: j.Step}, err
		}
		if err := a.canGoBack(ctx, l, j); err != nil {
			return Outcome{Step: j.Step}, err
		}
	}
	a.tell("Going back from %q.", j.Step)
	a.joined(&j)
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
	if found, err := place.Identify(undone); err != nil || found == (place.Identity{}) {
		undone = ""
	}
	return Outcome{Step: place.StepRolledBack, Kept: undone}, nil
}

// canGoBack makes sure, before anything is stopped, that a rollback can succeed.
func (a *Applier) canGoBack(ctx context.Context, l place.Layout, j place.Journal) error {
	asBefore, err := l.AsBefore(j)
	if err != nil || asBefore {
		return err
	}
	others, err := l.OtherJournals()
	if err != nil {
		return err
	}
	for path, other := range others {
		if other.Step == place.StepDone && other.Old == j.New && other.New != (place.Identity{}) {
			return fault.WithHint(fmt.Errorf("what this plan restored was itself replaced, by a restore with another plan, SHA-256 %.16s…", other.Plan),
				"roll that one back first, with its own plan: "+path+" is its record")
		}
	}
	if err := l.Feasible(j, place.Backward); err != nil {
		return err
	}
	if a.Host == nil {
		return a.checkStopped(ctx, l)
	}
	return nil
}

// stay puts the manifests back, so that the restored directory, which could not be taken away, is used as before.
func (a *Applier) stay(l place.Layout, j *place.Journal, was Step) error {
	still, err := place.Is(l.Live, j.New)
	if err != nil || !still || was != place.StepDone && was != place.StepGoingBack {
		return err
	}
	if err := a.pods(l, *j).PutBack(); err != nil {
		return fault.WithHint(err, "etcdward restore rollback PLAN tries again"+asideText(*j))
	}
	j.Step = was
	if err := j.Write(l.Journal); err != nil {
		return err
	}
	a.tell("Nothing was taken back: what was restored is in place, as before.")
	return nil
}

// asideText names the folder in which manifests may have been left.
func asideText(j place.Journal) string {
	if len(j.Files) == 0 {
		return ""
	}
	return fmt.Sprintf("; until then manifests may be in %s, and not in %s", j.Aside, j.Manifests)
}

// goBack takes the steps back to where nothing was begun.
func (a *Applier) goBack(ctx context.Context, l place.Layout, j *place.Journal) error {
	if j.Step != place.StepRestoring && j.Step != place.StepReady {
		a.joined(j)
		if j.Undone == "" {
			j.Undone = l.UndoneName(a.now().UTC().Format("20060102T150405Z"))
		}
		j.Step = place.StepGoingBack
		if err := j.Write(l.Journal); err != nil {
			return err
		}
		asBefore, err := l.AsBefore(*j)
		if err == nil && !asBefore {
			err = a.pods(l, *j).Stop(ctx)
		}
		if err == nil && j.New != (place.Identity{}) {
			err = l.Rename(*j, place.Backward)
		}
		if err != nil {
			return err
		}
		if err := a.pods(l, *j).PutBack(); err != nil {
			return err
		}
	}
	if err := l.Clear(); err != nil {
		return err
	}
	j.Step = place.StepRolledBack
	return errors.Join(j.Write(l.Journal), place.Release(l.Journal))
}

// pods are the static pods that the journal has.
func (a *Applier) pods(l place.Layout, j place.Journal) kubeadm.Pods {
	return kubeadm.Pods{Host: a.Host, Manifests: j.Manifests, Aside: j.Aside, Files: j.Files, DataDir: l.Data,
		StopLimit: a.StopLimit, StartLimit: a.StartLimit, HealthLimit: a.HealthLimit, Tell: a.tell}
}

// joined adds the manifests that are in the folder by now to those that were stopped: an API server that was moved out by hand for the
// restore, and is back since, writes to etcd as the others do.
func (a *Applier) joined(j *place.Journal) {
	if a.Host == nil || len(j.Files) == 0 {
		return
	}
	var files []string
	for _, name := range a.Host.Files {
		if !slices.Contains(j.Files, name) {
			files = append(files, name)
		}
	}
	j.Files = append(files, j.Files...) // etcd's stays the last that stops
}
