package systemd

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// WatchdogInterval returns how long systemd waits for a ping before it kills the daemon; 0 if it does not watch.
func WatchdogInterval() (time.Duration, error) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0, fmt.Errorf("read watchdog interval: %w", err)
	}
	return interval, nil
}

// pingsPerInterval allows for two late pings on a host that is short of CPU.
const pingsPerInterval = 3

// Watch pings the watchdog until ctx ends, for as long as alive returns true. It does nothing if interval is 0.
// While alive returns false it sends nothing, and systemd kills and restarts the daemon. alive must not block. The
// error is that of the last ping if it could not be sent; nil if a later ping succeeded.
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
