package schedule

import "context"

// yield makes the Yield of the run of one entry. A job that holds on to it beyond its run would disturb the
// book, so that it is dead from then on: begin ends before take goes on.
func (l *Loop) yield(b *book, index int) func(context.Context) {
	return func(ctx context.Context) {
		b.busy[index] = true
		defer delete(b.busy, index)
		for ctx.Err() == nil && !l.halted() {
			now := l.clock()
			// A long job does not make the host look as if it had been away.
			b.looked = now
			t, ok := b.pick(now)
			if !ok {
				return
			}
			t.run.Yield = func(context.Context) {}
			l.take(ctx, b, t)
		}
	}
}
