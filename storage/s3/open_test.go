package s3

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// bucketKind is how a bucket of the test server is set up.
type bucketKind int

const (
	plain bucketKind = iota
	withVersions
	withLock
)

func (k bucketKind) String() string { return [...]string{"plain", "versions", "lock"}[k] }

// newBucket makes a bucket on a test server.
func newBucket(t *testing.T, server storagetest.Server, kind bucketKind) Options {
	t.Helper()
	options := newCredentials(t, server)
	options.Bucket = "bucket-" + strings.ToLower(rand.Text())
	client := open(t, options).client
	in := &s3.CreateBucketInput{Bucket: &options.Bucket}
	if kind == withLock {
		in.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	if _, err := client.CreateBucket(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if kind != plain {
		_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket:                  &options.Bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return options
}

// newCredentials are options with the credentials of a server in a file.
func newCredentials(t *testing.T, server storagetest.Server) Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	content := "[default]\naws_access_key_id = " + server.AccessKey + "\naws_secret_access_key = " + server.SecretKey + "\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{Region: server.Region, Endpoint: server.Endpoint, PathStyle: true, CredentialsFile: file}
}

// realBucket returns the bucket that the environment names.
func realBucket(t *testing.T) Options {
	t.Helper()
	options := Options{
		Bucket:   os.Getenv("ETCDWARD_TEST_S3_BUCKET"),
		Region:   os.Getenv("ETCDWARD_TEST_S3_REGION"),
		Endpoint: os.Getenv("ETCDWARD_TEST_S3_ENDPOINT"),
	}
	if options.Bucket == "" {
		t.Skip("ETCDWARD_TEST_S3_BUCKET names no bucket")
	}
	options.PathStyle = options.Endpoint != ""
	return options
}

// below is a prefix of a bucket for one test.
func below(options Options, t *testing.T) Options {
	options.Prefix = "test/" + rand.Text()
	t.Logf("prefix %s", options.Prefix)
	return options
}

func open(t *testing.T, options Options) *Bucket {
	t.Helper()
	return openWith(t, options, defaults)
}

func openWith(t *testing.T, options Options, tuned tuning) *Bucket {
	t.Helper()
	bucket, err := openTuned(t.Context(), options, tuned)
	if err != nil {
		t.Fatal(err)
	}
	return storagetest.CloseAfter(t, bucket)
}
