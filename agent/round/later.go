package round

import (
	"context"
	"sync"
)

// later takes work that is to be done after the round that asks for it.
type later func(work func(ctx context.Context))

type laterKey struct{}

func laterOf(ctx context.Context) (later, bool) {
	l, ok := ctx.Value(laterKey{}).(later)
	return l, ok
}

// DeliverLater returns a context whose rounds end once their snapshot is in the spool: it is delivered beside what comes after them, one
// at a time, under ctx. A long job that holds the cluster's lock and lets rounds run in its pauses runs them under this context, so that it waits for
// no store. wait returns when all of it is delivered; the job calls it after it gave the lock back.
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
