package schedule

import "context"

// yield makes the Yield for the run of one entry. A job that called it after its run would disturb the book,
// so from then on it does nothing: begin ends before take goes on.
func (l *Loop) yield(b *book, index int) func(context.Context) {
	return func(ctx context.Context) {
		b.busy[index] = true
		defer delete(b.busy, index)
		for ctx.Err() == nil && !l.halted() {
			now := l.clock()
			// Look at the clock now, so that a long job does not look as if the host had been away.
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
