package bucket

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	store "github.com/etcdward/etcdward/storage/s3"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// Versioned is a versioned bucket with object lock on a real S3 server.
type Versioned struct {
	Server storagetest.Server
	// Client has every right.
	Client *s3.Client
}

// NewVersioned makes an empty one. The server ends with the test.
func NewVersioned(t *testing.T) Versioned {
	t.Helper()
	server := storagetest.VersityGW(t)
	client := s3.New(s3.Options{Region: server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(Name), ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String(Name),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	return Versioned{server, client}
}

// Stores is the section of a configuration that has the bucket as its only store, called primary.
func (b Versioned) Stores(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("stores:\n  - name: primary\n    s3: {bucket: %s, region: %s, endpoint: %q, path_style: true, credentials_file: %s}",
		Name, b.Server.Region, b.Server.Endpoint, Credentials(t, b.Server.AccessKey, b.Server.SecretKey))
}

// Credentials writes a file with both keys and returns its path.
func Credentials(t *testing.T, access, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte(keysFile(access, secret)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func keysFile(access, secret string) string {
	return fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", access, secret)
}

// Open opens the bucket at an endpoint, as etcdward does.
func (b Versioned) Open(t *testing.T, endpoint string) *store.Bucket {
	t.Helper()
	bucket, err := store.Open(t.Context(), store.Options{Bucket: Name, Region: b.Server.Region, Endpoint: endpoint, PathStyle: true,
		CredentialsFile: Credentials(t, b.Server.AccessKey, b.Server.SecretKey)})
	if err != nil {
		t.Fatal(err)
	}
	return storagetest.CloseAfter(t, bucket)
}

// Versions lists everything the bucket holds: "KEY VERSION", markers as "KEY VERSION marker".
func (b Versioned) Versions(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{} // the server repeats some at the borders of pages
	pages := s3.NewListObjectVersionsPaginator(b.Client, &s3.ListObjectVersionsInput{Bucket: aws.String(Name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			found[*v.Key+" "+*v.VersionId] = true
		}
		for _, m := range page.DeleteMarkers {
			found[*m.Key+" "+*m.VersionId+" marker"] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Put stores an object that is not ours.
func (b Versioned) Put(t *testing.T, key string) {
	t.Helper()
	if _, err := b.Client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(Name), Key: &key, Body: strings.NewReader("not ours")}); err != nil {
		t.Fatal(err)
	}
}

// Delete hides an object behind a marker, as another client would.
func (b Versioned) Delete(t *testing.T, key string) {
	t.Helper()
	if _, err := b.Client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(Name), Key: &key}); err != nil {
		t.Fatal(err)
	}
}
