package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How grave a reason is; the lower, the graver.
const (
	graveLost    = iota // nothing to restore from, or data that are wrong
	graveWrites         // etcd does not do its work
	graveProof          // a store has nothing new
	graveStore          // a store is away, or not as it should be
	graveMember         // one member is
	graveHost           // something on this host is
	graveUnknown        // something could not be read
)

// reason is one thing that is wrong.
type reason struct {
	grave int
	Step
}

// judgement collects reasons, each once.
type judgement struct{ found []reason }

func (j *judgement) note(grave int, do, format string, args ...any) {
	r := reason{grave, Step{oneLine(fmt.Sprintf(format, args...)), do}}
	if !slices.ContainsFunc(j.found, func(other reason) bool { return other.Reason == r.Reason }) {
		j.found = append(j.found, r)
	}
}

// plan returns the steps, the gravest first.
func (j *judgement) plan() []Step {
	slices.SortStableFunc(j.found, func(a, b reason) int { return cmp.Compare(a.grave, b.grave) })
	steps := make([]Step, len(j.found))
	for i, r := range j.found {
		steps[i] = r.Step
	}
	return steps
}

// Judge sets the verdict, how the proof is known, the reasons and the plan from the rest of s. clusterErr says why the cluster
// could not be asked, jobsErr why the records of the jobs could not be read.
func Judge(s *Status, e Expectation, clusterErr, jobsErr error) {
	var j judgement
	s.Proof = chooseProof(s)
	judgeProof(s, e, &j)
	if clusterErr != nil {
		j.note(graveWrites, "see on the control-plane hosts whether etcd runs; without a quorum: etcdward restore plan", "the cluster could not be asked: %v", clusterErr)
	}
	for _, stray := range s.Cluster.Strays {
		j.note(graveWrites, "etcdctl alarm disarm", "etcd refuses writes: the alarm %s is raised, which is no member any more; etcdctl alarm disarm ends it", stray)
	}
	judgeMembers(s.Members, &j)
	for _, store := range s.Stores {
		judgeStore(store, e, &j)
	}
	judgeHost(s, jobsErr, &j)
	s.Plan = j.plan()
	s.Reasons = make([]string, len(s.Plan))
	for i, step := range s.Plan {
		s.Reasons[i] = step.Reason
	}
	switch {
	case s.Proof == ProofNone:
		s.Verdict = Unprotected
	case len(s.Plan) > 0:
		s.Verdict = AtRisk
	default:
		s.Verdict = Protected
		s.Reasons = []string{fmt.Sprintf("proven restorable to %s, revision %d", s.LastProven.TakenAt.UTC().Format(time.RFC3339), s.LastProven.Revision)}
	}
}

// chooseProof sets LastProven to the newest snapshot of the stores that were read or, if they have none, to the newest that was last seen in the others.
func chooseProof(s *Status) Proof {
	s.LastProven = nil
	proof, away := ProofNone, false
	for _, store := range s.Stores {
		away = away || store.Error != ""
		p := store.LastProven
		if p == nil {
			continue
		}
		how := ProofSeen
		if store.Error != "" {
			how = ProofLastKnown
		}
		if s.LastProven == nil || how == ProofSeen && proof == ProofLastKnown || how == proof && p.TakenAt.After(s.LastProven.TakenAt) {
			s.LastProven, proof = p, how
		}
	}
	if s.LastProven == nil && away {
		return ProofNotKnown
	}
	return proof
}

// judgeProof says what it means that no proven snapshot was seen, and names an emergency snapshot that is newer.
func judgeProof(s *Status, e Expectation, j *judgement) {
	switch s.Proof {
	case ProofNone:
		j.note(graveLost, "etcdward snapshot", "no proven snapshot is known: the cluster cannot be restored")
	case ProofNotKnown:
		j.note(graveLost, "make the store readable, see below", "whether there is a proven snapshot is not known: not every store could be read, and none was seen before")
	case ProofLastKnown:
		j.note(graveLost, "make the store readable, see below", "the newest proven snapshot could not be seen now: it was last seen in store %s %s ago", s.LastProven.Store,
			Age(e.Now.Sub(s.LastProven.SeenAt)))
	}
	if m := s.Emergency; m != nil {
		j.note(graveProof, "etcdward verify "+m.ID+"; it is what a restore can use beyond the proven one",
			"an emergency snapshot is newer: %s in store %s, of one member without a quorum", m.ID, m.Store)
	}
}

func judgeStore(store Store, e Expectation, j *judgement) {
	see := "etcdward list --store " + store.Name
	switch {
	case store.Error != "":
		waiting := ""
		if store.Spooled > 0 {
			waiting = fmt.Sprintf("; %s on this host for it", waits(store.Spooled))
		}
		j.note(graveStore, "repair the way to the store, then "+see, "store %s could not be read: %s%s", store.Name, store.Error, waiting)
	case store.LastSuccess == nil:
		j.note(graveProof, "etcdward snapshot", "store %s holds no proven snapshot of this cluster", store.Name)
	case store.LastSuccess.Before(e.Snapshot):
		j.note(graveProof, "etcdward snapshot", "store %s: its newest proven snapshot is %s old, and a newer one was due", store.Name, Age(e.Now.Sub(*store.LastSuccess)))
	case e.Off && e.KeepWithin > 0 && e.Now.Sub(*store.LastSuccess) > e.KeepWithin:
		j.note(graveProof, "set snapshot.schedule, or etcdward snapshot", "store %s: its newest proven snapshot is %s old, snapshot.schedule is off, and retention keeps %s",
			store.Name, Age(e.Now.Sub(*store.LastSuccess)), Age(e.KeepWithin))
	}
	for _, what := range store.Wrong {
		j.note(graveStore, "", "store %s: %s", store.Name, what)
	}
	if store.Spooled > 0 && store.Error == "" {
		j.note(graveHost, "etcdward snapshot delivers it, or the agent at its next run", "store %s lacks what is here: %s on this host", store.Name, waits(store.Spooled))
	}
}

func waits(n int) string {
	if n == 1 {
		return "a snapshot waits"
	}
	return fmt.Sprintf("%d snapshots wait", n)
}

// judgeHost notes what is wrong on this host.
func judgeHost(s *Status, jobsErr error, j *judgement) {
	if jobsErr != nil {
		j.note(graveUnknown, "run it as root, or as the user etcdward", "the jobs' records could not be read: %v", jobsErr)
	}
	for _, a := range s.SetAside {
		j.note(graveHost, "look at spool/set-aside below the state directory",
			"snapshot %s was set aside on this host, no store can take it: %s; look at it in spool/set-aside below the state directory, then remove its files", a.ID, a.Reason)
	}
	for _, job := range s.Jobs {
		if job.LastEnded != nil && !job.OK {
			j.note(graveHost, "journalctl -u etcdward --since '"+job.LastEnded.UTC().Format("2006-01-02 15:04:05")+" UTC'",
				"job %s failed at %s: %s", job.Name, job.LastEnded.UTC().Format(time.RFC3339), job.Error)
		}
	}
}

// oneLine puts errors that were joined beside each other: a reason is one line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

func judgeMembers(members []Member, j *judgement) {
	for _, m := range members {
		switch {
		case m.Error != "":
			j.note(graveMember, "see on its host whether etcd runs", "member %s does not answer: %s", m.Name, m.Error)
		case !m.Healthy:
			j.note(graveMember, "see the network between the members, and the log of its etcd", "member %s is not healthy: it sees no leader, or another one than the quorum", m.Name)
		}
		if m.Odd != "" {
			j.note(graveLost, "etcdctl member remove "+m.ID+", then add it again with an empty data directory",
				"member %s holds other data than the majority, and etcd does not notice: %s; replace the member", m.Name, m.Odd)
		}
		for _, alarm := range m.Alarms {
			do := "etcdward compact, etcdward defrag, then etcdctl alarm disarm"
			if alarm != "NOSPACE" {
				do = "compare the members: etcdward verify latest; replace the one that differs"
			}
			j.note(graveWrites, do, "member %s has the alarm %s", m.Name, alarm)
		}
	}
	if len(members) > 0 && !slices.ContainsFunc(members, func(m Member) bool { return m.Role == "leader" }) {
		j.note(graveWrites, "bring the members back; if they are lost: etcdward restore plan", "no member is the leader: there may be no quorum")
	}
}
