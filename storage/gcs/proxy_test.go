package gcs

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// proxy stands before a test server and spoils some requests.
type proxy struct {
	*storagetest.Front
	// Options lead through the front to a bucket of the server.
	Options
}

// quick is tuning for tests that go through retries.
func quick() tuning {
	t := defaults
	t.chunk = 1 << 20
	t.pause = time.Millisecond
	return t
}

// newProxy makes a bucket and a proxy to it.
func newProxy(t *testing.T, server storagetest.Server) *proxy {
	t.Helper()
	p := &proxy{storagetest.BeforeGCS(t, server), newBucket(t, server, true)}
	p.Options.Endpoint = p.Front.Endpoint
	return p
}

// damage changes one byte of what is sent, counted from its end: an error on the way that no checksum of the connection
// caught.
func damage(offset int) storagetest.Spoiler {
	return func(f *storagetest.Front, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		body[len(body)-1-offset]++
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.Store.ServeHTTP(w, r)
	}
}
