package s3

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		_ = os.Unsetenv(name) // the faults of the network here are those that the tests make
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	server := storagetest.VersityGW(t)
	for _, kind := range []bucketKind{plain, withVersions, withLock} {
		t.Run(kind.String(), func(t *testing.T) {
			options := newBucket(t, server, kind)
			storagetest.Run(t, func(t *testing.T) storage.Bucket { return open(t, below(options, t)) })
		})
	}
}

// TestConformanceMemory holds the server with fault switches to the same contract as real ones.
func TestConformanceMemory(t *testing.T) {
	t.Parallel()
	through, _ := newMemory(t)
	storagetest.Run(t, func(t *testing.T) storage.Bucket { return openWith(t, below(through.Options, t), quick()) })
}

// TestConformanceReal runs against a bucket outside, if the environment names one.
func TestConformanceReal(t *testing.T) {
	options := realBucket(t)
	storagetest.Run(t, func(t *testing.T) storage.Bucket { return open(t, below(options, t)) })
}
