package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// patience is far beyond what a loaded machine needs, so that only a real
	// fault reaches it.
	patience = time.Minute
	interval = 20 * time.Millisecond
	// answerTime is how long a healthy member may take for one Status.
	answerTime = 5 * time.Second
)

// errHopeless marks a condition that will never be met, however long the wait.
var errHopeless = errors.New("it will not come")

// await returns when met returns nil. It fails the test if that takes longer than patience or if met returns
// errHopeless.
func await(t testing.TB, what string, met func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return
		}
		if errors.Is(err, errHopeless) {
			t.Fatalf("cluster: %s: %v", what, err)
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("cluster: %s: not within %v: %v", what, patience, err)
		}
	}
}

// status asks one member. It returns errHopeless if the member's process has ended by itself.
func (m *Member) status(cli *clientv3.Client) (*clientv3.StatusResponse, error) {
	if m.Pid() == 0 && m.serving() {
		return nil, fmt.Errorf("ask %s for its status: the process has ended: %w", m.Name, errHopeless)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	s, err := cli.Status(ctx, m.ClientURL)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its status: %w", m.Name, err)
	}
	return s, nil
}

// statuses returns what the serving members answer, or the first error.
func (c *Cluster) statuses(cli *clientv3.Client) (map[*Member]*clientv3.StatusResponse, error) {
	answers := make(map[*Member]*clientv3.StatusResponse)
	for _, m := range c.servingMembers() {
		s, err := m.status(cli)
		if err != nil {
			return nil, err
		}
		answers[m] = s
	}
	return answers, nil
}

// servingMembers returns those that can be expected to follow the leader.
func (c *Cluster) servingMembers() []*Member {
	var serving []*Member
	for _, m := range c.Members {
		if m.serving() {
			serving = append(serving, m)
		}
	}
	return serving
}

// quorate reports whether the serving voters are a majority of all voters.
func (c *Cluster) quorate() bool {
	voters, serving := 0, 0
	for _, m := range c.Members {
		if m.Learner {
			continue
		}
		voters++
		if m.serving() {
			serving++
		}
	}
	return serving > voters/2
}

// settle waits until all serving members agree on one of them as the leader and
// have applied what it had by then. It returns the leader.
func (c *Cluster) settle(t testing.TB) *Member {
	t.Helper()
	cli := c.client(t, c.Endpoints()...)
	defer func() { _ = cli.Close() }()

	var leader *Member
	var index uint64
	await(t, "agree on a leader", func() error {
		answers, err := c.statuses(cli)
		if err != nil {
			return err
		}
		if leader, err = agreed(answers); err != nil {
			return err
		}
		index = answers[leader].RaftIndex
		for m, s := range answers {
			if m.ID == 0 {
				m.ID = s.Header.MemberId
			}
		}
		return nil
	})
	await(t, "catch up with the leader", func() error {
		answers, err := c.statuses(cli)
		if err != nil {
			return err
		}
		for m, s := range answers {
			if s.RaftAppliedIndex < index {
				return fmt.Errorf("%s has applied %d of %d entries", m.Name, s.RaftAppliedIndex, index)
			}
		}
		return nil
	})
	return leader
}

// agreed returns the leader that all answers name, provided that the leader is among those that answered.
func agreed(answers map[*Member]*clientv3.StatusResponse) (*Member, error) {
	var id uint64
	var leader *Member
	for m, s := range answers {
		switch {
		case s.Leader == 0:
			return nil, fmt.Errorf("%s knows no leader", m.Name)
		case id != 0 && id != s.Leader:
			return nil, fmt.Errorf("%s follows %x, another member %x", m.Name, s.Leader, id)
		}
		id = s.Leader
		if s.Header.MemberId == id {
			leader = m
		}
	}
	if leader == nil {
		return nil, fmt.Errorf("the leader %x does not serve", id)
	}
	return leader, nil
}

// AwaitStorageVersion waits until every serving member says that its files have
// the format of its own minor version, and returns that, such as "3.6.0". A new
// cluster writes the format of the version before for some seconds. etcd 3.5
// tells no storage version: the result is empty, at once.
func (c *Cluster) AwaitStorageVersion(t testing.TB) string {
	t.Helper()
	if c.Version == "3.5" {
		return ""
	}
	want := c.Version + ".0"
	cli := c.client(t, c.Endpoints()...)
	defer func() { _ = cli.Close() }()
	await(t, "reach storage version "+want, func() error {
		answers, err := c.statuses(cli)
		if err != nil {
			return err
		}
		for m, s := range answers {
			if s.StorageVersion != want {
				return fmt.Errorf("%s has %q", m.Name, s.StorageVersion)
			}
		}
		return nil
	})
	return want
}
