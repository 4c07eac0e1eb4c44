// Package signals turns signals of the process into contexts: an interrupt ends the work, a second one the process, and a terminal that is gone ends
// a restore as Ctrl-C does.
package signals

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// SameSignal is how soon after the first a signal still is the same one: timeout(1) sends each to the process and to its group.
const SameSignal = 100 * time.Millisecond

// Interruptible returns a context that the first SIGINT or SIGTERM ends. The next one ends the process at once with that exit code, with nothing tidied up: work may hang in a
// system call that no context ends, such as one on a share whose server is gone. What is left behind then is what a crash leaves.
func Interruptible(code int) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		if awaitTwice(signals, stopped, cancel) {
			os.Exit(code)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}

// awaitTwice calls first after one signal, and returns true after another; false: it was stopped before.
func awaitTwice(signals <-chan os.Signal, stopped <-chan struct{}, first func()) bool {
	var begun time.Time
	for {
		select {
		case <-stopped:
			return false
		case <-signals:
		}
		switch {
		case begun.IsZero():
			begun = time.Now()
			first()
		case time.Since(begun) >= SameSignal:
			return true
		}
	}
}
