package gcs

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	server := storagetest.FakeGCS(t)
	for _, versions := range []bool{false, true} {
		options := newBucket(t, server, versions)
		storagetest.Run(t, func(t *testing.T) storage.Bucket { return openWith(t, below(options), defaults) })
	}
}

// TestConformanceReal runs against a bucket outside, if the environment names one.
func TestConformanceReal(t *testing.T) {
	options := realBucket(t)
	storagetest.Run(t, func(t *testing.T) storage.Bucket { return openWith(t, below(options), defaults) })
}
