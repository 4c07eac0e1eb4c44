package trial

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/s3"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// lazy is a bucket that is there.
func lazy(t *testing.T, b storage.Bucket) *storage.Lazy {
	t.Helper()
	l := storage.NewLazy(func(context.Context) (storage.Bucket, error) { return b, nil })
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func folder(t *testing.T) (string, storage.Bucket) {
	t.Helper()
	path := t.TempDir()
	b, err := directory.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, b
}

// files are all files below a folder.
func files(t *testing.T, path string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestStore holds that a store that works is left as it was, whether the home is new, ours, or somebody's whom nobody can tell.
func TestStore(t *testing.T) {
	path, b := folder(t)
	for _, home := range []Home{{"prod", "1234"}, {"prod", ""}} {
		if detail, err := Store(t.Context(), lazy(t, b), home, now); err != nil || detail != "written, read and removed" {
			t.Errorf("a new home, %+v: %q, %v", home, detail, err)
		}
	}
	if left := files(t, path); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	home, err := catalog.New(b, "prod")
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Claim(t.Context(), "1234", false); err != nil {
		t.Fatal(err)
	}
	before := files(t, path)
	for id, ours := range map[string]bool{"1234": true, "": true, "5678": false} {
		_, err := Store(t.Context(), lazy(t, b), Home{"prod", id}, now)
		if (err == nil) != ours || errors.Is(err, catalog.ErrOtherCluster) == ours {
			t.Errorf("cluster %q: %v", id, err)
		}
	}
	if after := files(t, path); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("%v became %v", before, after)
	}
}

// altered is a bucket that gives other bytes than it was given.
type altered struct{ storage.Bucket }

func (altered) Open(context.Context, storage.Object) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("what nobody wrote")), nil
}

// TestStoreThatFails holds that no failure passes for a store that works.
func TestStoreThatFails(t *testing.T) {
	away := errors.New("away")
	if _, err := Store(t.Context(), storage.NewLazy(func(context.Context) (storage.Bucket, error) { return nil, away }), Home{"prod", ""}, now); !errors.Is(err, away) {
		t.Errorf("a store that is away: %v", err)
	}
	_, b := folder(t)
	if _, err := Store(t.Context(), lazy(t, b), Home{"No Name", ""}, now); err == nil {
		t.Error("a home without a proper name is tried")
	}
	if _, err := Store(t.Context(), lazy(t, altered{b}), Home{"prod", ""}, now); err == nil || !strings.Contains(err.Error(), "and not what was written") {
		t.Errorf("a store that gives other bytes: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Store(ctx, lazy(t, b), Home{"prod", ""}, now); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestStoreWithoutDelete holds that the object which may not be removed is named, on a real S3 server.
func TestStoreWithoutDelete(t *testing.T) {
	for actions, works := range map[string]bool{bucket.All: true, bucket.Writer: true, `"s3:ListBucket","s3:GetObject"`: false, `"s3:ListBucket","s3:PutObject"`: false} {
		t.Run(actions, func(t *testing.T) {
			server := bucket.New(t, actions)
			keys := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(keys, []byte(server.Keys), 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := s3.Open(t.Context(), s3.Options{Bucket: bucket.Name, Region: server.Region, Endpoint: server.Endpoint, PathStyle: true, CredentialsFile: keys})
			if err != nil {
				t.Fatal(err)
			}
			detail, err := Store(t.Context(), lazy(t, b), Home{"prod", "1234"}, now)
			if (err == nil) != works || !works && !errors.Is(err, storage.ErrDenied) {
				t.Errorf("got %q, %v", detail, err)
			}
			left := server.Objects(t)
			stays := works && actions == bucket.Writer
			if stays && (len(left) != 1 || !strings.HasPrefix(left[0], "v1/prod/canary/20261101T120000Z-") || !strings.HasSuffix(detail, left[0]+" stays")) || works && !stays && len(left) > 0 {
				t.Errorf("it left %v, and says %q", left, detail)
			}
		})
	}
}

// TestCluster holds what is told of a cluster whole, with a member away, and without its quorum.
func TestCluster(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	asked := client.Connect(t, c)
	survey, detail, err := Cluster(t.Context(), asked)
	if err != nil || !strings.HasPrefix(detail, "3 of 3 members answer, leader m") || len(survey.Members) != 3 || strings.Contains(detail, "silent") {
		t.Errorf("whole: %q, %v", detail, err)
	}
	leader, followers := c.Leader(t), c.Followers(t)
	followers[0].Stop()
	if _, detail, err = Cluster(t.Context(), asked); err != nil || !strings.HasPrefix(detail, "2 of 3 members answer") || !strings.Contains(detail, "; silent: "+followers[0].Name+": ") {
		t.Errorf("one away: %q, %v", detail, err)
	}
	followers[1].Stop()
	if survey, _, err = Cluster(t.Context(), asked); !errors.Is(err, ErrNoQuorum) || len(survey.Members) != 3 || !strings.Contains(err.Error(), "1 of 3 members answer") {
		t.Errorf("two away: %v", err)
	}
	leader.Stop()
	if _, _, err = Cluster(t.Context(), asked); !errors.Is(err, etcd.ErrUnreachable) {
		t.Errorf("all away: %v", err)
	}
}

// TestStoreThatOverwrites holds that a store which lets a second write replace the first is named, and left as it was.
func TestStoreThatOverwrites(t *testing.T) {
	path, b := folder(t)
	detail, err := Store(t.Context(), lazy(t, &storagetest.Overwriting{Bucket: b}), Home{"prod", "1234"}, now)
	if err != nil || !strings.HasPrefix(detail, "written, read and removed; BUT it lets a second write replace the first") {
		t.Errorf("got %q, %v", detail, err)
	}
	if left := files(t, path); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}
