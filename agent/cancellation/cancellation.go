// Package cancellation ends what would not end by itself when a context does: a wait, a long copy.
package cancellation

import (
	"context"
	"io"
	"time"
)

// Wait waits for d, or until ctx ends: then it returns the cause.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Cause returns why ctx ended; nil if it has not.
func Cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Reader returns a reader that fails with the cause once ctx has ended. It is for one call, and not kept beyond it.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
