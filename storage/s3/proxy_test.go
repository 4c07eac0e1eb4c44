package s3

import (
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
	t.partSize = 5 << 20
	t.pause = time.Millisecond
	return t
}

// newProxy makes a bucket and a proxy to it.
func newProxy(t *testing.T, server storagetest.Server, kind bucketKind) *proxy {
	t.Helper()
	p := &proxy{storagetest.BeforeS3(t, server), newBucket(t, server, kind)}
	p.Options.Endpoint = p.Front.Endpoint
	return p
}

// newMemory makes a bucket in memory and a proxy to it.
func newMemory(t *testing.T) (*proxy, *storagetest.MemoryS3) {
	t.Helper()
	front, memory := storagetest.Memory(t)
	options := newCredentials(t, front.Server)
	options.Bucket = "bucket"
	return &proxy{front, options}, memory
}

// loseReplyAnd is LoseReply after something else.
func loseReplyAnd(do func()) storagetest.Spoiler {
	return func(f *storagetest.Front, w http.ResponseWriter, r *http.Request) {
		do()
		storagetest.LoseReply(f, w, r)
	}
}
