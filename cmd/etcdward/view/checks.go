package view

import (
	"fmt"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// Checks are the lines about the checks of one snapshot.
func Checks(v verify.Verification) [][2]string {
	verdict := "SOUND"
	switch {
	case v.Damaged() || len(v.Checks) == 0:
		verdict = "DAMAGED"
	case !v.OK:
		verdict = "NOT PROVEN"
	}
	if snapshot.Unproven(v.Checks) {
		verdict = "UNPROVEN"
	}
	pairs := [][2]string{{"Verdict", verdict}}
	if v.ID != "" {
		pairs = append(pairs, [2]string{"Snapshot", v.ID})
	}
	for _, c := range v.Checks {
		pairs = append(pairs, [2]string{"Check " + c.Name, terminal.OK(c.OK, c.Detail)})
	}
	pairs = append(pairs, Undecided(v.Inconclusive, v.OddMembers)...)
	if f := v.Facts; f != nil {
		pairs = append(pairs, [2]string{"Size", fmt.Sprintf("%s (%d bytes)", terminal.Bytes(f.SizeBytes), f.SizeBytes)}, [2]string{"SHA-256", f.SHA256})
		if v.OK {
			pairs = append(pairs,
				[2]string{"Revision", fmt.Sprintf("%d, %s", f.Revision, etcd.Compacted(f.CompactRevision))},
				[2]string{"Keys", fmt.Sprint(f.TotalKeys)},
				[2]string{"Status hash", f.StatusHash},
				[2]string{"Storage version", f.StorageVersion},
				[2]string{"HashKV", fmt.Sprintf("%d at revision %d", f.HashKV.Hash, f.HashKV.Revision)},
			)
		}
	}
	return pairs
}

// Undecided are the lines of checks that could not be decided, and of members at odds with the majority.
func Undecided(open []snapshot.Open, odd []snapshot.OddMember) (pairs [][2]string) {
	for _, o := range open {
		pairs = append(pairs, [2]string{"Check " + o.Name, "inconclusive: " + o.Detail})
	}
	for _, m := range odd {
		pairs = append(pairs, [2]string{"Odd member", m.Name + ": " + m.Detail})
	}
	return pairs
}
