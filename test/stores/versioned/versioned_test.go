package versioned

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// site is a host whose store is a versioned bucket.
type site struct {
	program.On
	bucket.Versioned
}

func newSite(t *testing.T, c *cluster.Cluster, more ...string) site {
	t.Helper()
	b := bucket.NewVersioned(t)
	return site{program.On{Host: host.New(t, c, append([]string{b.Stores(t)}, more...)...)}, b}
}

// take takes n snapshots of different revisions.
func (s site) take(t *testing.T, c *cluster.Cluster, n int) []snapshot.Manifest {
	t.Helper()
	var taken []snapshot.Manifest
	for range n {
		c.Members[0].Advance(t)
		taken = append(taken, s.Snapshot(t))
	}
	return taken
}

// TestVersionedPrune checks that prune leaves exactly the versions of what is kept, no markers, and what is locked.
func TestVersionedPrune(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c, "retention: {keep_within: 0, keep_last: 10}")
	foreign := []string{"somebody/else.txt", "v1/test/snapshots/notes.txt", "v1/other/snapshots/20200101T000000Z-1.json", "v1/test/snapshots/20200101T000000Z-1.db.zst.bak"}
	for _, key := range foreign {
		s.Put(t, key)
	}
	taken := s.take(t, c, 40)
	s.Must(t, "prune", "--confirm")
	s.checkVersions(t, taken[30:], foreign)

	more := s.take(t, c, 10)
	for _, m := range taken[30:35] {
		_, err := s.Client.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{Bucket: aws.String(bucket.Name), Key: &m.Object.Key, VersionId: &m.Object.Version,
			Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: aws.Time(time.Now().Add(time.Hour))}})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := s.Run(t, "prune", "--confirm")
	if r.Code != program.Findings || !strings.Contains(r.Err, "refused to let 5 snapshots go") {
		t.Errorf("exit %d: %s", r.Code, r.Err)
	}
	for _, m := range taken[30:35] {
		if !regexp.MustCompile(m.ID + ` +skipped .*locked`).MatchString(r.Out) {
			t.Errorf("the output does not name %s as locked:\n%s", m.ID, r.Out)
		}
		s.Must(t, "verify", m.ID) // it is whole, and listed
	}
	s.checkKeys(t, append(taken[30:35], more...), foreign)
}

// checkVersions compares the bucket's versions with those of the manifests.
func (s site) checkVersions(t *testing.T, kept []snapshot.Manifest, foreign []string) {
	t.Helper()
	all := s.Versions(t)
	for _, m := range kept {
		if !slices.Contains(all, m.Object.Key+" "+m.Object.Version) {
			t.Errorf("version %s of %s is gone", m.Object.Version, m.Object.Key)
		}
	}
	s.checkKeys(t, kept, foreign)
}

// checkKeys holds that there is one version of each object that shall be, no other, and no marker.
func (s site) checkKeys(t *testing.T, kept []snapshot.Manifest, foreign []string) {
	t.Helper()
	want := append(slices.Clone(foreign), "v1/test/cluster.json", "v1/test/create-only.json")
	for _, m := range kept {
		want = append(want, m.Object.Key, "v1/test/snapshots/"+m.ID+".json")
	}
	var got []string
	for _, v := range s.Versions(t) {
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
	s := newSite(t, c)
	taken := s.take(t, c, 3)
	before := filepath.Join(t.TempDir(), "before.db")
	s.Must(t, "fetch", taken[1].ID, "--output", before)
	at := nextSecond(t)
	nextSecond(t)
	for _, v := range s.Versions(t) {
		s.Delete(t, strings.Fields(v)[0])
	}
	if out := s.Must(t, "list"); strings.Contains(out, taken[0].ID) {
		t.Errorf("deleted, and still listed:\n%s", out)
	}
	var then []snapshot.Manifest
	s.MustJSON(t, &then, "list", "--at", at.Format(time.RFC3339))
	if len(then) != 3 {
		t.Fatalf("%d listed as of %s", len(then), at)
	}
	after := filepath.Join(t.TempDir(), "after.db")
	s.Must(t, "fetch", taken[1].ID, "--at", at.Format(time.RFC3339), "--output", after)
	want, err := os.ReadFile(before)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(after); err != nil || !bytes.Equal(want, got) {
		t.Errorf("what came back differs: %v", err)
	}
	if r := s.Run(t, "list", "--at", "yesterday"); r.Code != program.Usage {
		t.Errorf("exit %d: %s", r.Code, r.Err)
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
	s := newSite(t, c, "retention: {keep_within: 0, keep_last: 1}")
	taken := s.take(t, c, 2)
	s.Delete(t, taken[1].Object.Key)
	s.take(t, c, 2)
	s.Must(t, "prune", "--confirm")
	if !slices.Contains(s.Versions(t), taken[1].Object.Key+" "+taken[1].Object.Version) {
		t.Error("the version that a stranger's marker hides was removed")
	}
}
