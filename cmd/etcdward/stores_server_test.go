package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/storage/s3"
	"github.com/etcdward/etcdward/test/cluster"
)

// noCluster is the configuration of a host whose etcd does not run: nobody listens on port 1.
const noCluster = `cluster: {name: test, endpoints: ["http://127.0.0.1:1"]}`

// newStoreSite is a host with a real S3 server and without an etcd.
func newStoreSite(t *testing.T, more ...string) s3Site {
	t.Helper()
	return newS3Site(t, new(cluster.Cluster), append([]string{noCluster}, more...)...)
}

// through leads the site's requests over a gateway to the server.
func (s s3Site) through(t *testing.T, g *gateway) {
	t.Helper()
	s.edit(t, s.server.Endpoint, g.endpoint)
}

// edit replaces text in the configuration.
func (s site) edit(t *testing.T, text, by string) {
	t.Helper()
	body, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), text) {
		t.Fatalf("the configuration has no %q:\n%s", text, body)
	}
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(body), text, by, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// bucket opens the site's bucket at an endpoint.
func (s s3Site) bucket(t *testing.T, endpoint string) *s3.Bucket {
	t.Helper()
	bucket, err := s3.Open(t.Context(), s3.Options{Bucket: bucketName, Region: s.server.Region, Endpoint: endpoint, PathStyle: true,
		CredentialsFile: credentialsFile(t, s.server.AccessKey, s.server.SecretKey)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	return bucket
}

func credentialsFile(t *testing.T, access, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", access, secret)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
