package cluster

import (
	"errors"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	load := c.Load(t, 50)
	began := time.Now()

	// The writes due while there is no quorum are late by as much as it lasts.
	const outage = "1s"
	followers := c.Followers(t)
	for _, m := range followers {
		m.Pause()
	}
	paused := time.Now()
	if _, err := c.EtcdctlErr(t, "--command-timeout="+outage, "put", "key", "value"); err == nil {
		t.Error("a write went through without a quorum")
	}
	least := time.Since(paused)
	for _, m := range followers {
		m.Resume()
	}
	c.Leader(t)

	stats := load.Stop()
	due := int(50 * time.Since(began).Seconds())
	if stats.Writes < due*8/10 || stats.Writes > due+2 {
		t.Errorf("%d writes, want about %d: the rate holds across the outage", stats.Writes, due)
	}
	if stats.LongestStall < least {
		t.Errorf("longest stall is %v, the outage took %v", stats.LongestStall, least)
	}
	if stats.P99 <= 0 || stats.P99 > stats.LongestStall {
		t.Errorf("P99 is %v, the longest %v", stats.P99, stats.LongestStall)
	}
	if again := load.Stop(); again != stats {
		t.Errorf("second Stop says %+v, the first %+v", again, stats)
	}
}

func TestLoadTriesAgain(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Members: 1})
	m := c.Members[0]
	load := c.Load(t, 50)
	await(t, "see the load begin", func() error {
		if !has(t, m, "/registry/leases/load/node-0") {
			return errors.New("no write yet")
		}
		return nil
	})
	// What is under way to a frozen member fails when that is killed.
	m.Pause()
	if _, err := c.EtcdctlErr(t, "--command-timeout=500ms", "put", "key", "value"); err == nil {
		t.Error("a write went through without a member")
	}
	m.Kill()
	m.Start()
	stats := load.Stop()
	if stats.Errors == 0 {
		t.Error("no attempt failed, though writes were under way when the member was killed")
	}
	if stats.GivenUp != 0 {
		t.Errorf("%d writes were given up", stats.GivenUp)
	}
	if stats.LongestStall < 500*time.Millisecond {
		t.Errorf("longest stall is %v, the outage took over 500ms", stats.LongestStall)
	}
}
