package retention_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/retention"
)

// someSnapshots makes up to 40 of them, many in the same hour, day or month, some
// listed twice, some contradicting each other, some without a time.
func someSnapshots(r *rand.Rand) []retention.Snapshot {
	reach := []int{10, 1000, 100000}[r.IntN(3)] // minutes back
	proven, emergency := r.IntN(101), r.IntN(101)
	var all []retention.Snapshot
	for i := range r.IntN(40) {
		s := retention.Snapshot{
			ID:        fmt.Sprintf("s%02d", i),
			TakenAt:   now.Add(-time.Duration(r.IntN(reach)) * time.Minute),
			Revision:  r.Int64N(20),
			Proven:    r.IntN(100) < proven,
			Emergency: r.IntN(100) < emergency,
		}
		switch r.IntN(30) {
		case 0:
			s.TakenAt = time.Time{}
		case 1:
			all = append(all, s)
		case 2:
			other := s
			other.Proven = !other.Proven
			all = append(all, other)
		case 3:
			s.Stored = s.TakenAt.Add(time.Duration(r.IntN(20)-9) * time.Minute)
		}
		all = append(all, s)
	}
	return all
}

func somePolicy(r *rand.Rand) retention.Policy {
	return retention.Policy{
		KeepWithin:  time.Duration(r.IntN(3)*r.IntN(3000)) * time.Minute,
		KeepLast:    r.IntN(12) - 1,
		KeepDaily:   r.IntN(8) - 1,
		KeepWeekly:  r.IntN(5) - 1,
		KeepMonthly: r.IntN(4) - 1,
	}
}

func kept(v retention.Verdict) (snaps []retention.Snapshot) {
	for _, d := range v.Decisions {
		if d.Keep {
			snaps = append(snaps, d.Snapshot)
		}
	}
	return snaps
}

// trusted are the proven ones that the rules may count: dated and listed in one way.
func trusted(v retention.Verdict, keep bool) (snaps []retention.Snapshot) {
	listed := make(map[string]int)
	for _, d := range v.Decisions {
		listed[d.ID]++
	}
	for _, d := range v.Decisions {
		if d.Proven && !d.TakenAt.IsZero() && listed[d.ID] == 1 && (d.Keep || !keep) {
			snaps = append(snaps, d.Snapshot)
		}
	}
	return snaps
}

func TestProperties(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	removed := 0
	for range 3000 {
		snaps, policy := someSnapshots(r), somePolicy(r)
		verdict := retention.Judge(snaps, policy, now)
		remaining := kept(verdict)
		removed += len(verdict.Decisions) - len(remaining)
		for _, d := range verdict.Decisions {
			if len(d.Reasons) == 0 || slices.Contains(d.Reasons, "") {
				t.Errorf("no reason for %+v", d)
			}
			if !d.Keep && len(d.Reasons) != 1 {
				t.Errorf("reasons to remove: %q", d.Reasons)
			}
		}

		if verdict.Held != "" && len(remaining) != len(verdict.Decisions) {
			t.Errorf("removes while held: %s", verdict.Held)
		}

		proven := trusted(verdict, false)
		keptProven := trusted(verdict, true)
		if len(proven) == 0 && verdict.Held == "" {
			t.Error("not held although nothing is proven")
		}
		if least := min(max(policy.KeepLast, 1), len(proven)); len(keptProven) < least {
			t.Errorf("%d proven snapshots kept of %d, keep_last %d", len(keptProven), len(proven), policy.KeepLast)
		}
		if n := len(proven); n > 0 && !slices.Contains(keptProven, proven[n-1]) {
			t.Error("the newest proven snapshot goes")
		}
		regular := slices.DeleteFunc(slices.Clone(proven), func(s retention.Snapshot) bool { return s.Emergency })
		if n := len(regular); n > 0 {
			for _, s := range regular[n-min(n, max(policy.KeepLast, 1)):] {
				if !slices.Contains(keptProven, s) {
					t.Errorf("regular %s goes, one of the last %d", s.ID, policy.KeepLast)
				}
			}
			proven = regular
		}
		for _, d := range verdict.Decisions {
			if d.Keep {
				continue
			}
			newest := proven[len(proven)-1]
			later := newest.TakenAt.After(d.TakenAt)
			if alike := newest.TakenAt.Equal(d.TakenAt) && newest.Revision >= d.Revision; !later && !(alike && d.Proven) {
				t.Errorf("%s goes, and nothing newer is proven", d.ID)
			}
		}

		if again := retention.Judge(remaining, policy, now); len(kept(again)) != len(remaining) {
			t.Errorf("judging what remains removes more: %q", lines(again))
		}

		r.Shuffle(len(snaps), func(i, j int) { snaps[i], snaps[j] = snaps[j], snaps[i] })
		if other := retention.Judge(snaps, policy, now); !reflect.DeepEqual(other, verdict) {
			t.Errorf("another order, another verdict:\n%q\n%q", lines(other), lines(verdict))
		}

		more := policy
		switch r.IntN(5) {
		case 0:
			more.KeepWithin = 2*more.KeepWithin + time.Hour
		case 1:
			more.KeepLast++
		case 2:
			more.KeepDaily += 2
		case 3:
			more.KeepWeekly++
		case 4:
			more.KeepMonthly++
		}
		larger := kept(retention.Judge(snaps, more, now))
		for _, s := range remaining {
			if !slices.Contains(larger, s) {
				t.Errorf("%s goes under the larger policy %+v", s.ID, more)
			}
		}
		if t.Failed() {
			t.Fatalf("policy %+v\n%q", policy, lines(verdict))
		}
	}
	if removed < 3000 {
		t.Errorf("only %d removals: the cases prove nothing", removed)
	}
}
