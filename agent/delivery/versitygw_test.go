package delivery

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/s3"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// openVersityGW is a bucket of a real S3 server.
func openVersityGW(t *testing.T) storage.Bucket {
	t.Helper()
	server := storagetest.VersityGW(t)
	client := awss3.New(awss3.Options{Region: server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")})
	const name = "etcd-backups"
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", server.AccessKey, server.SecretKey)
	if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bucket, err := s3.Open(t.Context(), s3.Options{Bucket: name, Region: server.Region, Endpoint: server.Endpoint, PathStyle: true, CredentialsFile: keys})
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}
