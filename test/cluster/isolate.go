package cluster

import (
	"errors"
	"testing"
)

// Isolate cuts a member off from all others, in both directions, and waits until
// it knows no leader and the others, if they are a quorum, agree on one. The
// member's client port still answers: Status, Snapshot and serializable reads
// work.
func (c *Cluster) Isolate(t testing.TB, m *Member) {
	t.Helper()
	if len(c.Members) == 1 {
		t.Fatalf("cluster: isolate %s: it is the only member", m.Name)
	}
	m.expect(func() { m.isolated = true })
	c.net.Isolate(m.ID, m.proxy)
	if c.quorate() {
		c.settle(t)
	}
	if m.Learner {
		return // a learner never stands for election, so it never notices
	}
	cli := m.Client(t)
	defer func() { _ = cli.Close() }()
	await(t, "isolate "+m.Name, func() error {
		s, err := m.status(cli)
		if err == nil && s.Leader != 0 {
			err = errors.New("it still knows a leader")
		}
		return err
	})
}

// Heal ends Isolate and waits until the member follows the leader and has caught
// up, if there is a quorum.
func (c *Cluster) Heal(t testing.TB, m *Member) {
	t.Helper()
	c.net.Heal(m.ID)
	m.expect(func() { m.isolated = false })
	if c.quorate() {
		c.settle(t)
	}
}
