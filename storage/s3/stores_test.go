package s3

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestTrial tries create-only writes on real stores that honour them and on real ones that do not.
func TestTrial(t *testing.T) {
	server := storagetest.VersityGW(t)
	for _, kind := range []bucketKind{plain, withVersions, withLock} {
		if err := storage.TryCreateOnly(t.Context(), open(t, newBucket(t, server, kind)), "trial"); err != nil {
			t.Errorf("versitygw, %v: %v", kind, err)
		}
	}
	through, memory := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	if err := storage.TryCreateOnly(t.Context(), bucket, "trial"); err != nil {
		t.Errorf("memory: %v", err)
	}
	memory.IgnoreCreateOnly = true
	if err := storage.TryCreateOnly(t.Context(), bucket, "trial"); !errors.Is(err, storage.ErrOverwrites) {
		t.Errorf("memory, ignoring If-None-Match: got error %v, want ErrOverwrites", err)
	}
	rclone := newCredentials(t, storagetest.Rclone(t))
	rclone.Bucket = "bucket"
	bucket = openWith(t, rclone, quick())
	if err := storage.TryCreateOnly(t.Context(), bucket, "trial"); !errors.Is(err, storage.ErrOverwrites) {
		t.Errorf("rclone: got error %v, want ErrOverwrites", err)
	}
	if left := storagetest.List(t, bucket, ""); len(left) != 0 {
		t.Errorf("rclone: the trial left %v", left)
	}
}

// TestConformanceMinIO runs the suite against MinIO, where it was built.
func TestConformanceMinIO(t *testing.T) {
	t.Parallel()
	server := storagetest.MinIO(t)
	for _, kind := range []bucketKind{plain, withVersions, withLock} {
		t.Run(kind.String(), func(t *testing.T) {
			options := newBucket(t, server, kind)
			storagetest.Run(t, func(t *testing.T) storage.Bucket { return open(t, below(options, t)) })
		})
	}
}

// TestSweepEverywhere finds what was left of an upload on each real store that lists uploads, below a prefix that is no whole key.
func TestSweepEverywhere(t *testing.T) {
	for name, open := range map[string]func(*testing.T) Options{
		"versitygw": func(t *testing.T) Options { return newBucket(t, storagetest.VersityGW(t), plain) },
		"minio":     func(t *testing.T) Options { return newBucket(t, storagetest.MinIO(t), plain) },
		"memory":    func(t *testing.T) Options { through, _ := newMemory(t); return through.Options },
	} {
		t.Run(name, func(t *testing.T) {
			options := open(t)
			options.Prefix = "ours"
			old := quick()
			old.now = func() time.Time { return time.Now().Add(abandoned + time.Minute) }
			bucket := openWith(t, options, old)
			for _, key := range []string{"ours/v1/a/key", "ours/v1/b/key", "ours2/v1/a/key"} {
				if _, err := bucket.client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &options.Bucket, Key: &key}); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := openWith(t, options, quick()).Sweep(t.Context(), "v1/"); n != 0 || err != nil {
				t.Errorf("Sweep of uploads of today: removed %d, error %v, want none", n, err)
			}
			for prefix, want := range map[string]int{"v2/": 0, "v1/a/": 1} {
				if n, err := bucket.Sweep(t.Context(), prefix); n != want || err != nil {
					t.Errorf("Sweep %s: removed %d, error %v, want %d", prefix, n, err, want)
				}
			}
			if n, err := bucket.Sweep(t.Context(), ""); n != 1 || err != nil {
				t.Errorf("Sweep of the rest: removed %d, error %v, want 1", n, err)
			}
		})
	}
}

// TestSweepNotSupported has stores that know no such question: they are told of once.
func TestSweepNotSupported(t *testing.T) {
	through, _ := newMemory(t)
	rclone := newCredentials(t, storagetest.Rclone(t))
	rclone.Bucket = "bucket"
	for _, refusal := range []int{0, 400, 404, 405, 501} {
		options := through.Options
		if refusal == 0 {
			options = rclone
		} else {
			through.Break("ListMultipartUploads", 99, storagetest.RefuseS3(refusal, "NotImplemented", "no"))
		}
		bucket := openWith(t, options, quick())
		if _, err := bucket.Sweep(t.Context(), "v1/"); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%d: Sweep: got error %v, want ErrUnsupported", refusal, err)
		}
		if _, err := bucket.Sweep(t.Context(), "v1/"); err != nil {
			t.Errorf("%d: Sweep again: got error %v, want none", refusal, err)
		}
	}
	through.Break("ListMultipartUploads", 99, storagetest.RefuseS3(403, "AccessDenied", "no"))
	if _, err := openWith(t, through.Options, quick()).Sweep(t.Context(), ""); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("Sweep without the right: got error %v, want ErrDenied", err)
	}
}

// TestDots lists what begins with dots, and keeps the dots from a store that refuses them.
func TestDots(t *testing.T) {
	through, _ := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	for _, key := range []string{"..key", ".key", "a/..key", "a/.key", "a/key", "b"} {
		storagetest.Put(t, bucket, key, nil)
	}
	for prefix, want := range map[string]string{"..": "..key", ".": "..key .key", "a/..": "a/..key", "a/.": "a/..key a/.key"} {
		through.BreakQuery("prefix", func(f *storagetest.Front, w http.ResponseWriter, r *http.Request) {
			if asked := r.URL.Query().Get("prefix"); strings.HasSuffix(asked, ".") {
				t.Errorf("List %q: asked the store for %q", prefix, asked)
			}
			f.Store.ServeHTTP(w, r)
		})
		var keys []string
		for _, obj := range storagetest.List(t, bucket, prefix) {
			keys = append(keys, obj.Key)
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("List %q: got %q, want %q", prefix, got, want)
		}
	}
}
