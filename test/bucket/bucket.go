// Package bucket is a bucket of a test on a real S3 server, in which one user may do what a policy allows.
package bucket

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// Name is what the bucket is called.
const Name = "etcd-backups"

// All, and what a host needs that may not remove: actions for New.
const (
	All    = `"s3:*"`
	Writer = `"s3:ListBucket","s3:ListBucketVersions","s3:GetBucketVersioning","s3:PutObject","s3:GetObject","s3:GetObjectVersion"`
)

// Bucket is one bucket.
type Bucket struct {
	Endpoint, Region string
	// Secret is the user's secret key; Keys is the text of a file with both keys.
	Secret, Keys string
	root         *s3.Client
}

// New makes a bucket in which the user may do the actions, in the form of a policy's JSON. The server ends with the test.
func New(t *testing.T, actions string) Bucket {
	t.Helper()
	server := storagetest.VersityGW(t)
	client := s3.New(s3.Options{Region: server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(Name)}); err != nil {
		t.Fatal(err)
	}
	user := server.AddUser(t, "c4n4ry")
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":[%s],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%[3]s/*"]}]}`,
		user.AccessKey, actions, Name)
	if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(Name), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	return Bucket{server.Endpoint, server.Region, user.SecretKey, keysFile(user.AccessKey, user.SecretKey), client}
}

// Objects are the keys of what the bucket holds.
func (b Bucket) Objects(t *testing.T) []string {
	t.Helper()
	list, err := b.root.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(Name)})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range list.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}
