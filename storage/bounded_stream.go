package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"time"
)

// listed is one step of a listing.
type listed struct {
	obj Object
	err error
}

// list walks through a listing that runs in a goroutine of its own. The caller's part of the loop stays in the caller's.
func (b *Bounded) list(ctx context.Context, name string, source func() iter.Seq2[Object, error]) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		steps, enough := make(chan listed), make(chan struct{})
		c, err := b.begin(name, func() {
			for obj, err := range source() {
				select {
				case steps <- listed{obj, err}:
				case <-enough:
					return
				}
			}
		})
		if err != nil {
			yield(Object{}, err)
			return
		}
		defer c.finish(ctx, enough)
		for {
			step, err := c.next(ctx, steps)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(Object{}, err)
				return
			case !yield(step.obj, step.err):
				return
			}
		}
	}
}

// next waits for a step. io.EOF: there are no more.
func (c *call) next(ctx context.Context, steps <-chan listed) (listed, error) {
	select {
	case step := <-steps:
		return step, nil
	case <-c.done:
		return listed{}, io.EOF
	case <-ctx.Done():
	}
	// The bucket knows as well. What it says goes first.
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case step := <-steps:
		return step, nil
	case <-c.done:
		return listed{}, io.EOF
	case <-timer.C:
	}
	if left := c.leave(ctx); left != nil {
		return listed{}, left
	}
	return listed{}, io.EOF
}

// finish ends a listing, so that nothing of it goes on if the store lets go.
func (c *call) finish(ctx context.Context, enough chan<- struct{}) {
	close(enough)
	c.mu.Lock()
	left := c.prisoner.number != 0
	c.mu.Unlock()
	if !left {
		_ = c.wait(ctx) // a call that is left behind here has given all that was wanted of it
	}
}

// Open implements Bucket. Its reader, too, keeps to the context of Open.
func (b *Bounded) Open(ctx context.Context, obj Object) (io.ReadCloser, error) {
	var inner io.ReadCloser
	var failure error
	c, err := b.begin("open "+obj.Key, func() { inner, failure = b.bucket.Open(ctx, obj) })
	if err != nil {
		return nil, err
	}
	if left := c.wait(ctx); left != nil {
		c.afterwards(func() {
			if failure == nil {
				_ = inner.Close() // nobody waits for it
			}
		})
		return nil, left
	}
	if failure != nil {
		return nil, failure
	}
	r := &boundedReader{bounded: b, ctx: ctx, key: obj.Key, inner: inner}
	if described, ok := inner.(Described); ok {
		return &describedReader{r, described.Object()}, nil
	}
	return r, nil
}

// boundedReader reads in another goroutine, into a buffer of its own: one that was left behind may still write to it.
type boundedReader struct {
	bounded *Bounded
	ctx     context.Context
	key     string
	inner   io.ReadCloser
	buffer  []byte
	// left is set once a call was left behind. The reader is of no more use then.
	left *call
	err  error
}

// readAhead is the length in bytes of one reading.
const readAhead = 256 << 10

// Read implements io.Reader.
func (r *boundedReader) Read(p []byte) (int, error) {
	if len(p) == 0 || r.err != nil {
		return 0, r.err
	}
	if r.buffer == nil {
		r.buffer = make([]byte, readAhead)
	}
	buffer, inner := r.buffer[:min(len(p), len(r.buffer))], r.inner
	var n int
	var err error
	c, busy := r.bounded.begin("read "+r.key, func() { n, err = inner.Read(buffer) })
	if busy != nil {
		return 0, busy
	}
	if left := c.wait(r.ctx); left != nil {
		r.left, r.err = c, left
		return 0, left
	}
	return copy(p, buffer[:n]), err
}

// Close implements io.Closer. What still is read is closed when the reading ends.
func (r *boundedReader) Close() error {
	if r.inner == nil {
		return fs.ErrClosed
	}
	inner := r.inner
	r.inner = nil
	if r.err == nil {
		r.err = fs.ErrClosed
	}
	if r.left != nil {
		r.left.afterwards(func() { _ = inner.Close() })
		return nil
	}
	// To close a file can hang as well. A store that hangs has its reader closed when it comes back.
	var err error
	c := r.bounded.start("close "+r.key, func() { err = inner.Close() })
	if left := c.wait(r.ctx); left != nil {
		return left
	}
	return err
}

// describedReader is a boundedReader whose bucket describes what it gives.
type describedReader struct {
	*boundedReader
	object Object
}

// Object implements Described.
func (r *describedReader) Object() Object { return r.object }
