package gcs

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	gcs "cloud.google.com/go/storage"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// newBucket makes a bucket on a test server.
func newBucket(t *testing.T, server storagetest.Server, versions bool) Options {
	t.Helper()
	options := Options{Bucket: "bucket-" + strings.ToLower(rand.Text()), Endpoint: server.Endpoint}
	bucket := openWith(t, options, defaults)
	if err := bucket.handle.Create(t.Context(), "project", &gcs.BucketAttrs{VersioningEnabled: versions}); err != nil {
		t.Fatal(err)
	}
	return options
}

// realBucket returns the bucket that the environment names.
func realBucket(t *testing.T) Options {
	t.Helper()
	options := Options{Bucket: os.Getenv("ETCDWARD_TEST_GCS_BUCKET")}
	if options.Bucket == "" {
		t.Skip("ETCDWARD_TEST_GCS_BUCKET names no bucket")
	}
	return options
}

// below is a prefix of a bucket for one test.
func below(options Options) Options {
	options.Prefix = "test/" + rand.Text()
	return options
}

func openWith(t *testing.T, options Options, tuned tuning) *Bucket {
	t.Helper()
	bucket, err := openTuned(t.Context(), options, tuned)
	if err != nil {
		t.Fatal(err)
	}
	return storagetest.CloseAfter(t, bucket)
}
