package systemd

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// WatchdogInterval is how long systemd waits between two pings before it kills the daemon; 0: it does not watch.
func WatchdogInterval() (time.Duration, error) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0, fmt.Errorf("read watchdog interval: %w", err)
	}
	return interval, nil
}

// pingsPerInterval leaves room for two pings that come late on a host that is short of CPU.
const pingsPerInterval = 3

// Watch pings the watchdog while alive says true, until ctx ends. It does nothing when interval is 0. While alive
// says false nothing is sent, and systemd kills and restarts the daemon. alive must not block. The error is of the
// last ping that could not be sent, nil when that succeeded later.
func Watch(ctx context.Context, interval time.Duration, alive func() bool) error {
	return watch(ctx, interval, alive, func() error { return tell("WATCHDOG=1") })
}

func watch(ctx context.Context, interval time.Duration, alive func() bool, ping func() error) (err error) {
	if interval <= 0 {
		return nil
	}
	tick := time.NewTicker(interval / pingsPerInterval)
	defer tick.Stop()
	for {
		if alive() {
			err = ping()
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
