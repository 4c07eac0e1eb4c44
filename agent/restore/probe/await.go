package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// awaitInterval is how often a condition is looked at.
const awaitInterval = 200 * time.Millisecond

// Await returns once met returns nil; else, after the limit, with what it said last.
func Await(ctx context.Context, limit time.Duration, met func() error) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(awaitInterval)
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-deadline.C:
			return fmt.Errorf("after %s: %w", limit, err)
		case <-tick.C:
		}
	}
}
