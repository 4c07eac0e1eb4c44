package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/etcdward/etcdward/storage"
)

// errSpent ends an operation that has made more requests than it should need.
var errSpent = errors.New("the store failed too often")

// budget is how many requests one operation may still make. The library bounds neither
// the retries of an upload, nor how often a reader goes on after a cut connection, nor the
// pages of a listing that makes no progress. It does obey the transport below it.
type budget struct {
	left atomic.Int64
	// last is what the last request failed with.
	last atomic.Pointer[error]
}

type budgetKey struct{}

// withBudget returns a context in which no more than some requests are made.
func withBudget(ctx context.Context, requests int64) (context.Context, *budget) {
	b := new(budget)
	b.left.Store(requests)
	return context.WithValue(ctx, budgetKey{}, b), b
}

// budgeted is a transport that keeps to the budgets.
type budgeted struct{ next http.RoundTripper }

func (t budgeted) RoundTrip(r *http.Request) (*http.Response, error) {
	b, ok := r.Context().Value(budgetKey{}).(*budget)
	if !ok {
		return t.next.RoundTrip(r)
	}
	if b.left.Add(-1) < 0 {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		if last := b.last.Load(); last != nil {
			return nil, fmt.Errorf("%w: %w", errSpent, *last)
		}
		return nil, errSpent
	}
	answer, err := t.next.RoundTrip(r)
	failure := err
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		failure = &googleapi.Error{Code: answer.StatusCode, Message: http.StatusText(answer.StatusCode)}
	}
	if failure != nil {
		b.last.Store(&failure)
	}
	return answer, err
}

// retry reports whether to make a request again: all of ours can be. To what the library
// itself takes for passing it adds connections that ended or stalled.
func retry(err error) bool {
	var network net.Error
	switch {
	case err == nil, errors.Is(err, errSpent), storage.Permanent(err), tokenCause(err) != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &network):
		return network.Timeout() || errors.Is(err, io.EOF) || gcs.ShouldRetry(err)
	}
	return gcs.ShouldRetry(err)
}
