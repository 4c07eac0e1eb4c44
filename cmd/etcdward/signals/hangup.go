package signals

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// SurvivingHangup is ctx for a verb that stops a control plane: a terminal that is gone ends it as Ctrl-C does, by going back, and a reader
// of its output that is gone does not end it at all.
func SurvivingHangup(ctx context.Context) (survives context.Context, stop func()) {
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(ctx)
	hung := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // under nohup the verb is asked to go on
		signal.Notify(hung, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-hung:
			cancel(Hangup{})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(hung)
		signal.Reset(syscall.SIGPIPE)
		cancel(nil)
	}
}

// Hangup means that the terminal is gone. To the caller it is an interruption, as Ctrl-C is.
type Hangup struct{}

func (Hangup) Error() string { return "interrupted: the terminal is gone" }

// Is makes it a cancellation.
func (Hangup) Is(target error) bool { return target == context.Canceled }

// Name names the hangup in an error that was caused by it.
func Name(ctx context.Context, err error) error {
	var gone Hangup
	if errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &gone) && !errors.As(err, &gone) {
		return fmt.Errorf("%w: %w", gone, err)
	}
	return err
}
