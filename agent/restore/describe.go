package restore

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/restore/place"
)

// tellSteps says what this host is about to do.
func (a *Applier) tellSteps(steps []string) {
	for i, s := range steps {
		a.tell("%d. %s", i+1, s)
	}
}

// steps of one host, in words.
func (a *Applier) steps(l place.Layout) []string {
	steps := []string{
		fmt.Sprintf("restore the snapshot into %s, revision %d, compacted, in a child process (%s)", l.Work, a.Plan.Revision(), a.Plan.Lasts(200)),
		fmt.Sprintf("boot an etcd on a copy of it, without peers, and compare every key (%s)", a.Plan.Lasts(100)),
	}
	if a.Host != nil {
		steps = append(steps, fmt.Sprintf("move %s out of %s to %s, and wait until they have stopped", strings.Join(a.Host.Files, ", "), a.Host.Manifests, a.Host.Aside))
	}
	if found, err := place.Identify(l.Live); err == nil && found != (place.Identity{}) {
		steps = append(steps, fmt.Sprintf("rename %s to %s, and the new directory into its place, with its owner, mode and security label", l.Live, l.Old))
	} else {
		steps = append(steps, fmt.Sprintf("rename the new directory to %s", l.Live))
	}
	if a.Host != nil {
		steps = append(steps, "move the manifests back, unchanged, etcd's first, and wait until it answers")
	}
	return steps
}

// stepsOn are those that an interrupted run left: the directory is restored and checked.
func (a *Applier) stepsOn(l place.Layout, j place.Journal) []string {
	steps := a.steps(l)[2:]
	if inPlace, err := place.Is(l.Live, j.New); err == nil && inPlace {
		return steps[len(steps)-1:]
	}
	return steps
}

// stepsBack are those of a rollback.
func (a *Applier) stepsBack(l place.Layout, j place.Journal) []string {
	if asBefore, err := l.AsBefore(j); err != nil || asBefore || j.Step == place.StepRestoring || j.Step == place.StepReady {
		steps := []string{fmt.Sprintf("remove what was in the making beside %s, which is as it was", l.Live)}
		if len(j.Files) > 0 {
			steps = append(steps, fmt.Sprintf("move the manifests that are in %s back to %s", j.Aside, j.Manifests))
		}
		return steps
	}
	var steps []string
	if len(j.Files) > 0 {
		steps = append(steps, fmt.Sprintf("move %s out of %s to %s, and wait until they have stopped", strings.Join(j.Files, ", "), j.Manifests, j.Aside))
	}
	steps = append(steps, fmt.Sprintf("rename %s, the restored directory, to %s", l.Live, cmp.Or(j.Undone, l.UndoneName("TIME"))))
	if old := l.Kept(j); old != "" {
		steps = append(steps, fmt.Sprintf("rename %s, the directory as it was, to %s", old, l.Live))
	}
	if len(j.Files) > 0 {
		steps = append(steps, "move the manifests back, unchanged")
	}
	return steps
}

// Report says what an outcome of this Applier came to, and what is left to do.
func (a *Applier) Report(o Outcome) string {
	text := a.report(o)
	for _, warning := range o.Warnings {
		text += "\nWARNING: " + warning + "."
	}
	return text
}

func (a *Applier) report(o Outcome) string {
	switch {
	case a.DryRun && !o.Already:
		return "Dry run: nothing was changed."
	case o.Already && o.Step == place.StepDone:
		return fmt.Sprintf("Member %s was restored with this plan already; nothing to do.", a.Member)
	case o.Already:
		return fmt.Sprintf("Nothing of this plan is in place on this host for member %s; nothing to do.", a.Member)
	case o.Step == place.StepRolledBack:
		text := fmt.Sprintf("Member %s is as it was before.", a.Member)
		if o.Kept != "" {
			text += " What had been restored is kept as " + o.Kept + "."
		}
		return text
	case o.Waiting:
		return fmt.Sprintf("Member %s is restored and runs; it waits for a quorum. Go on with the other hosts.", a.Member)
	case a.Host != nil:
		return fmt.Sprintf("Member %s is restored and runs. Once all are: restart the kubelets, and operators with informers.", a.Member)
	}
	return fmt.Sprintf("Member %s is restored. Once all hosts are: systemctl start etcd (rke2-server, k3s) on each.", a.Member)
}
