package storage

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"
)

// ErrBusy is the ErrAway of a store that still has not come back from a call that was left behind.
var ErrBusy = fmt.Errorf("%w: it still has not come back from an earlier call", ErrAway)

// grace is how long a call whose context has ended may take to return by itself, with an error of its own.
const grace = time.Second

// Bounded is a bucket whose calls return when their context ends, also if the bucket does not obey it: a system call on a share whose
// server is gone never returns. Such a call is left behind, in a goroutine that ends when the call does. Until then every other call
// fails at once with ErrBusy. So only calls that had already begun can be left behind.
//
// It has all optional interfaces. If its bucket lacks one, DeleteAll deletes one object after the other, a history is
// errors.ErrUnsupported, and the rest does nothing.
type Bounded struct {
	bucket Bucket

	mu sync.Mutex
	// prisoners are the calls that were left behind, in the order in which they began.
	prisoners []Prisoner
	last      int
}

// Prisoner is a call that was left behind.
type Prisoner struct {
	// Call is what it does: "put v1/a/cluster.json".
	Call string
	// Since is when it began, in UTC.
	Since time.Time

	number int
}

// NewBounded returns a bucket whose calls keep to their contexts.
func NewBounded(bucket Bucket) *Bounded { return &Bounded{bucket: bucket} }

// Prisoner returns the oldest of the calls that were left behind and have not come back. false: there is none.
func (b *Bounded) Prisoner() (Prisoner, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.prisoners) == 0 {
		return Prisoner{}, false
	}
	return b.prisoners[0], true
}

// busy is the error of a call that cannot begin.
func (b *Bounded) busy(name string) error {
	prisoner, ok := b.Prisoner()
	if !ok {
		return nil
	}
	return fmt.Errorf("%s: %w", name, &Cause{
		Says: fmt.Sprintf("the store hangs: it is still busy with the call of %s (%s)", prisoner.Since.Format("2006-01-02T15:04:05Z"), prisoner.Call),
		Try:  "look at the share or the network behind the store: etcdward uses it again as soon as that call returns; a share that stays dead: umount -l, then mount it again and restart etcdward",
		Kind: ErrBusy,
	})
}

// call is one use of the bucket. Its work runs in a goroutine of its own.
type call struct {
	*Bounded
	prisoner Prisoner
	done     chan struct{}
	// after is done when the work is, nil: nothing.
	after func()
}

// begin starts some work, unless an earlier one hangs.
func (b *Bounded) begin(name string, work func()) (*call, error) {
	if err := b.busy(name); err != nil {
		return nil, err
	}
	return b.start(name, work), nil
}

// start starts some work, whatever hangs.
func (b *Bounded) start(name string, work func()) *call {
	c := &call{Bounded: b, prisoner: Prisoner{Call: name, Since: time.Now().UTC()}, done: make(chan struct{})}
	go func() {
		defer c.end()
		work()
	}()
	return c
}

// end notes that the work is done, and sets it free if it was left behind.
func (c *call) end() {
	c.mu.Lock()
	close(c.done)
	c.prisoners = slices.DeleteFunc(c.prisoners, func(p Prisoner) bool { return p.number == c.prisoner.number })
	after := c.after
	c.mu.Unlock()
	if after != nil {
		after()
	}
}

// afterwards does something once the work is done, which may be now.
func (c *call) afterwards(do func()) {
	c.mu.Lock()
	select {
	case <-c.done:
		c.mu.Unlock()
		do()
	default:
		c.after = do
		c.mu.Unlock()
	}
}

// wait returns when the work is done, or the context has ended and the work does not follow. It then is left behind.
func (c *call) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
	}
	return c.leave(ctx)
}

// leave gives the call up, unless it ends at this moment.
func (c *call) leave(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.done:
		return nil
	default:
	}
	if c.prisoner.number == 0 {
		c.last++
		c.prisoner.number = c.last
		c.prisoners = append(c.prisoners, c.prisoner)
		slices.SortStableFunc(c.prisoners, func(a, b Prisoner) int { return a.Since.Compare(b.Since) })
	}
	return fmt.Errorf("%s: %w", c.prisoner.Call, &Cause{
		Says: "the store hangs: the call was left behind",
		Try:  "look at the share or the network behind the store",
		Kind: ErrAway, Err: ctx.Err(),
	})
}

// bound does one call that gives a result.
func bound[T any](ctx context.Context, b *Bounded, name string, do func() (T, error)) (T, error) {
	// Only what came back in time is looked at: a call that was left behind may still write to these.
	var result, none T
	var failure error
	c, err := b.begin(name, func() { result, failure = do() })
	if err == nil {
		err = c.wait(ctx)
	}
	if err != nil {
		return none, err
	}
	return result, failure
}

// Put implements Bucket. The body of a Put that is left behind may still be read until its call returns.
func (b *Bounded) Put(ctx context.Context, up Upload) (Object, error) {
	return bound(ctx, b, "put "+up.Key, func() (Object, error) { return b.bucket.Put(ctx, up) })
}

// Delete implements Bucket.
func (b *Bounded) Delete(ctx context.Context, obj Object) error {
	_, err := bound(ctx, b, "delete "+obj.Key, func() (struct{}, error) { return struct{}{}, b.bucket.Delete(ctx, obj) })
	return err
}

// DeleteAll implements Remover.
func (b *Bounded) DeleteAll(ctx context.Context, objects []Object) []error {
	errs, err := bound(ctx, b, fmt.Sprintf("delete %d objects", len(objects)), func() ([]error, error) { return DeleteAll(ctx, b.bucket, objects), nil })
	if err != nil {
		errs = slices.Repeat([]error{err}, len(objects))
	}
	return errs
}

// Tidy implements Tidier. keep is no longer called once Tidy has returned.
func (b *Bounded) Tidy(ctx context.Context, prefix string, keep func(key string) bool) (int, error) {
	tidier, ok := b.bucket.(Tidier)
	if !ok {
		return 0, nil
	}
	var mu sync.Mutex
	over := false
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		over = true // whatever is asked later is to be kept
	}()
	return bound(ctx, b, "tidy "+prefix, func() (int, error) {
		return tidier.Tidy(ctx, prefix, func(key string) bool {
			mu.Lock()
			defer mu.Unlock()
			return over || keep(key)
		})
	})
}

// Sweep implements Sweeper.
func (b *Bounded) Sweep(ctx context.Context, prefix string) (int, error) {
	sweeper, ok := b.bucket.(Sweeper)
	if !ok {
		return 0, nil
	}
	return bound(ctx, b, "sweep "+prefix, func() (int, error) { return sweeper.Sweep(ctx, prefix) })
}

// Inspect implements Inspector.
func (b *Bounded) Inspect(ctx context.Context) (Properties, error) {
	inspector, ok := b.bucket.(Inspector)
	if !ok {
		return Properties{}, nil
	}
	return bound(ctx, b, "inspect", func() (Properties, error) { return inspector.Inspect(ctx) })
}

// List implements Bucket.
func (b *Bounded) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return b.list(ctx, "list "+prefix, func() iter.Seq2[Object, error] { return b.bucket.List(ctx, prefix) })
}

// ListAt implements Historian.
func (b *Bounded) ListAt(ctx context.Context, prefix string, at time.Time) iter.Seq2[Object, error] {
	return b.list(ctx, "list "+prefix, func() iter.Seq2[Object, error] { return NewAsOf(b.bucket, at).List(ctx, prefix) })
}

// Close closes the bucket, if it knows how to and no call hangs.
func (b *Bounded) Close() error {
	closer, ok := b.bucket.(io.Closer)
	if _, hangs := b.Prisoner(); !ok || hangs {
		return nil
	}
	if err := closer.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

var (
	_ Bucket    = (*Bounded)(nil)
	_ Remover   = (*Bounded)(nil)
	_ Historian = (*Bounded)(nil)
	_ Tidier    = (*Bounded)(nil)
	_ Sweeper   = (*Bounded)(nil)
	_ Inspector = (*Bounded)(nil)
)
