package cluster

import (
	"context"
	"fmt"
	"testing"
)

// Leader returns the member that all serving members agree on as the leader, and
// waits for an election that is under way. Members that are down, paused or
// isolated are not asked.
func (c *Cluster) Leader(t testing.TB) *Member {
	t.Helper()
	return c.settle(t)
}

// Followers returns the serving voters that do not lead.
func (c *Cluster) Followers(t testing.TB) []*Member {
	t.Helper()
	leader := c.settle(t)
	var followers []*Member
	for _, m := range c.servingMembers() {
		if m != leader && !m.Learner {
			followers = append(followers, m)
		}
	}
	return followers
}

// MoveLeader makes a member the leader and waits until every serving member
// agrees.
func (c *Cluster) MoveLeader(t testing.TB, to *Member) {
	t.Helper()
	// A busy cluster may give up a transfer, or elect another leader meanwhile.
	await(t, "move leader to "+to.Name, func() error {
		leader := c.settle(t)
		if leader == to {
			return nil
		}
		if err := leader.handOver(t, to); err != nil {
			return err
		}
		return fmt.Errorf("%s leads", leader.Name)
	})
}

func (m *Member) handOver(t testing.TB, to *Member) error {
	t.Helper()
	cli := m.Client(t)
	defer func() { _ = cli.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := cli.MoveLeader(ctx, to.ID); err != nil {
		return fmt.Errorf("hand leadership from %s to %s: %w", m.Name, to.Name, err)
	}
	return nil
}
