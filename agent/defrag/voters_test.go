package defrag

import (
	"testing"

	"github.com/etcdward/etcdward/agent/etcd"
)

// TestVoters checks that an answering learner does not count for the quorum, so that the lock has to outlast
// the absence of the only voter.
func TestVoters(t *testing.T) {
	plan := Plan{Steps: []Step{{}, {Member: etcd.Member{Learner: true}}, {Member: etcd.Member{Learner: true}}}}
	if got := plan.voters(); got != 1 {
		t.Errorf("a voter and two learners: %d", got)
	}
}
