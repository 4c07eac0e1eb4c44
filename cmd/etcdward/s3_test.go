package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/cluster"
)

const bucketName = "etcd-backups"

// s3Site is a host whose store is a versioned bucket with object lock on a real S3 server.
type s3Site struct {
	site
	server storagetest.Server
	client *s3.Client
}

func newS3Site(t *testing.T, c *cluster.Cluster, more ...string) s3Site {
	t.Helper()
	server := storagetest.VersityGW(t)
	client := s3.New(s3.Options{Region: server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucketName), ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String(bucketName),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", server.AccessKey, server.SecretKey)
	if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store := fmt.Sprintf("stores:\n  - name: primary\n    s3: {bucket: %s, region: %s, endpoint: %q, path_style: true, credentials_file: %s}", bucketName, server.Region, server.Endpoint, keys)
	return s3Site{newSite(t, c, append([]string{store}, more...)...), server, client}
}

// versions lists everything the bucket holds: "KEY VERSION", markers as "KEY VERSION marker".
func (s s3Site) versions(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{} // the server repeats some at the borders of pages
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName)})
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

func (s s3Site) put(t *testing.T, key string) {
	t.Helper()
	if _, err := s.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucketName), Key: &key, Body: strings.NewReader("not ours")}); err != nil {
		t.Fatal(err)
	}
}

// take takes n snapshots of different revisions.
func (s s3Site) take(t *testing.T, c *cluster.Cluster, n int) []snapshot.Manifest {
	t.Helper()
	var taken []snapshot.Manifest
	for range n {
		advance(t, c, c.Members[0])
		taken = append(taken, s.snapshot(t))
	}
	return taken
}

// TestVersionedPrune checks that prune leaves exactly the versions of what is kept, no markers, and what is locked.
func TestVersionedPrune(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newS3Site(t, c, "retention: {keep_within: 0, keep_last: 10}")
	foreign := []string{"somebody/else.txt", "v1/test/snapshots/notes.txt", "v1/other/snapshots/20200101T000000Z-1.json", "v1/test/snapshots/20200101T000000Z-1.db.zst.bak"}
	for _, key := range foreign {
		s.put(t, key)
	}
	taken := s.take(t, c, 40)
	s.must(t, "prune", "--confirm")
	s.checkVersions(t, taken[30:], foreign)

	more := s.take(t, c, 10)
	for _, m := range taken[30:35] {
		_, err := s.client.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{Bucket: aws.String(bucketName), Key: &m.Object.Key, VersionId: &m.Object.Version,
			Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: aws.Time(time.Now().Add(time.Hour))}})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := s.etcdward(t, "prune", "--confirm")
	if r.code != exitFindings || !strings.Contains(r.err, "refused to let 5 snapshots go") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	for _, m := range taken[30:35] {
		if !regexp.MustCompile(m.ID + ` +skipped .*locked`).MatchString(r.out) {
			t.Errorf("the output does not name %s as locked:\n%s", m.ID, r.out)
		}
		s.must(t, "verify", m.ID) // it is whole, and listed
	}
	s.checkKeys(t, append(taken[30:35], more...), foreign)
}

// checkVersions compares the bucket's versions with those of the manifests.
func (s s3Site) checkVersions(t *testing.T, kept []snapshot.Manifest, foreign []string) {
	t.Helper()
	all := s.versions(t)
	for _, m := range kept {
		if !slices.Contains(all, m.Object.Key+" "+m.Object.Version) {
			t.Errorf("version %s of %s is gone", m.Object.Version, m.Object.Key)
		}
	}
	s.checkKeys(t, kept, foreign)
}

// checkKeys holds that there is one version of each object that shall be, no other, and no marker.
func (s s3Site) checkKeys(t *testing.T, kept []snapshot.Manifest, foreign []string) {
	t.Helper()
	want := append(slices.Clone(foreign), "v1/test/cluster.json", "v1/test/create-only.json")
	for _, m := range kept {
		want = append(want, m.Object.Key, "v1/test/snapshots/"+m.ID+".json")
	}
	var got []string
	for _, v := range s.versions(t) {
		if strings.HasSuffix(v, "marker") {
			t.Errorf("a delete marker was left: %s", v)
		}
		if key := strings.Fields(v)[0]; !strings.HasPrefix(key, "v1/test/proofs/") {
			got = append(got, key)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("the bucket holds %d versions, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
}

// TestReadThePast deletes every current object with another client and reads the store as it was.
func TestReadThePast(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newS3Site(t, c)
	taken := s.take(t, c, 3)
	before := filepath.Join(t.TempDir(), "before.db")
	s.must(t, "fetch", taken[1].ID, "--output", before)
	at := nextSecond(t)
	nextSecond(t)
	for _, v := range s.versions(t) {
		key := strings.Fields(v)[0]
		if _, err := s.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	if out := s.must(t, "list"); strings.Contains(out, taken[0].ID) {
		t.Errorf("deleted, and still listed:\n%s", out)
	}
	var then []snapshot.Manifest
	s.mustJSON(t, &then, "list", "--at", at.Format(time.RFC3339))
	if len(then) != 3 {
		t.Fatalf("%d listed as of %s", len(then), at)
	}
	after := filepath.Join(t.TempDir(), "after.db")
	s.must(t, "fetch", taken[1].ID, "--at", at.Format(time.RFC3339), "--output", after)
	want, err := os.ReadFile(before)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(after); err != nil || !bytes.Equal(want, got) {
		t.Errorf("what came back differs: %v", err)
	}
	if r := s.etcdward(t, "list", "--at", "yesterday"); r.code != exitUsage {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// nextSecond waits for the clock's next second and gives it: S3 tells times in seconds.
func nextSecond(t *testing.T) time.Time {
	t.Helper()
	now := time.Now()
	timer := time.NewTimer(time.Until(now.Truncate(time.Second).Add(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	return time.Now().UTC().Truncate(time.Second)
}

// TestTidyLeavesOthersDeletions checks that what a stranger deleted is not made unrecoverable by the next prune.
func TestTidyLeavesOthersDeletions(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s := newS3Site(t, c, "retention: {keep_within: 0, keep_last: 1}")
	taken := s.take(t, c, 2)
	if _, err := s.client.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &taken[1].Object.Key}); err != nil {
		t.Fatal(err)
	}
	s.take(t, c, 2)
	s.must(t, "prune", "--confirm")
	if !slices.Contains(s.versions(t), taken[1].Object.Key+" "+taken[1].Object.Version) {
		t.Error("the version that a stranger's marker hides was removed")
	}
}
