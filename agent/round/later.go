package round

import (
	"context"
	"sync"
)

// later takes work that is done after the round that asks for it.
type later func(work func(ctx context.Context))

type laterKey struct{}

func laterOf(ctx context.Context) (later, bool) {
	l, ok := ctx.Value(laterKey{}).(later)
	return l, ok
}

// DeliverLater returns a context whose rounds end as soon as their snapshot is in the spool. The snapshots are then delivered one at a time, under
// ctx, while the caller goes on. It is for a long job that holds the cluster's lock and lets rounds run in its pauses: it does not wait for a store.
// The job calls wait after it gave the lock back; wait returns when everything is delivered.
func DeliverLater(ctx context.Context) (rounds context.Context, wait func()) {
	var deliveries sync.WaitGroup
	var one sync.Mutex
	take := later(func(work func(ctx context.Context)) {
		deliveries.Go(func() {
			one.Lock()
			defer one.Unlock()
			work(ctx)
		})
	})
	return context.WithValue(ctx, laterKey{}, take), deliveries.Wait
}
