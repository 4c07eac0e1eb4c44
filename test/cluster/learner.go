package cluster

import (
	"context"
	"fmt"
	"testing"
)

// AddLearner adds a learner and waits until it has caught up. etcd allows it
// only once all members have been connected for five seconds, which is waited
// for, and one learner at a time by default.
func (c *Cluster) AddLearner(t testing.TB) *Member {
	t.Helper()
	cli := c.client(t, c.Endpoints()...)
	defer func() { _ = cli.Close() }()

	m := c.addMember(t, fmt.Sprintf("m%d", len(c.Members)+1))
	m.Learner = true
	await(t, "add learner "+m.Name, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), answerTime)
		defer cancel()
		added, err := cli.MemberAddAsLearner(ctx, []string{m.PeerURL})
		if err == nil {
			m.ID = added.Member.ID
		}
		return err
	})
	m.bootstrap = []string{"--initial-cluster=" + c.initialCluster(), "--initial-cluster-state=existing"}
	m.launch(t)
	c.settle(t)
	return m
}
