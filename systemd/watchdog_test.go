package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdogInterval(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	if got, err := WatchdogInterval(); got != 30*time.Second || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	t.Setenv("WATCHDOG_PID", "1")
	if got, err := WatchdogInterval(); got != 0 || err != nil {
		t.Errorf("of another process: got %s, %v", got, err)
	}
	t.Setenv("WATCHDOG_PID", "")
	t.Setenv("WATCHDOG_USEC", "soon")
	if _, err := WatchdogInterval(); err == nil {
		t.Error("a word was taken for an interval")
	}
}

// TestWatch counts pings: three for each interval, and none from when it is no longer alive.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		alive := func() bool { return time.Since(start) < 5*time.Minute }
		var last time.Duration
		pings := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := watch(ctx, time.Minute, alive, func() error { pings++; last = time.Since(start); return nil }); err != nil {
			t.Error(err)
		}
		if pings != 15 || last != 280*time.Second {
			t.Errorf("%d pings, the last after %s", pings, last)
		}
	})
}

func TestWatchTellsOfTheLastPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		deaf := errors.New("deaf")
		if err := watch(ctx, time.Minute, func() bool { return true }, func() error { return deaf }); !errors.Is(err, deaf) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWatchOnTheWire(t *testing.T) {
	conn := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Watch(ctx, time.Hour, func() bool { return true }) }()
	if got := received(t, conn); got != "WATCHDOG=1" {
		t.Errorf("told %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := Watch(t.Context(), 0, nil); err != nil {
		t.Errorf("without a watchdog: %v", err)
	}
}
