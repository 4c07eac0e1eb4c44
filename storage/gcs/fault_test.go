package gcs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestPutFaults spoils the writing of an object, in one request and in several.
func TestPutFaults(t *testing.T) {
	server := storagetest.FakeGCS(t)
	small, large := storagetest.Content(100_000, 1), storagetest.Content(5<<20, 1)
	for _, test := range []struct {
		name      string
		content   []byte
		operation string
		times     int
		how       spoiler
		want      error // nil: success; errAny: some error
		requests  int
	}{
		{"lost reply", small, "upload", 1, loseReply, nil, 2},
		{"unavailable", small, "upload", 3, answer(503, "backendError", "later"), nil, 4},
		{"unavailable for ever", small, "upload", 99, answer(503, "backendError", "later"), errAny, attempts},
		{"denied", small, "upload", 1, answer(403, "forbidden", "storage.objects.create denied"), storage.ErrDenied, 1},
		{"chunks: lost reply to begin", large, "begin upload", 1, loseReply, nil, 2},
		{"chunks: unavailable", large, "chunk", 2, answer(503, "backendError", "later"), nil, 0},
		{"chunks: denied", large, "begin upload", 1, answer(403, "forbidden", "storage.objects.create denied"), storage.ErrDenied, 1},
		// The server takes what is damaged, as its attributes tell.
		{"chunks: damaged", large, "chunk", 1, damage(0), errAny, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			through := newProxy(t, server)
			bucket := openWith(t, through.Options, quick())
			through.begin(test.operation, test.times, test.how)
			put, err := bucket.Put(t.Context(), storagetest.Upload("key", test.content))
			if got := through.count(test.operation); test.requests != 0 && got != test.requests {
				t.Errorf("Put made %d requests %s, want %d", got, test.operation, test.requests)
			}
			through.begin("", 0, nil)
			listed := storagetest.List(t, bucket, "")
			if test.want != nil {
				if err == nil || errors.Is(err, fs.ErrExist) || test.want != errAny && !errors.Is(err, test.want) || len(listed) != 0 {
					t.Errorf("Put: got error %v and objects %v, want %v and nothing", err, listed, test.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("Put: %v", err)
			}
			if len(listed) != 1 || listed[0].Version != put.Version {
				t.Errorf("List: got %v, want %v", listed, put)
			}
			if got := storagetest.Read(t, bucket, put); !bytes.Equal(got, test.content) {
				t.Errorf("Open: got %d bytes, not those that were put", len(got))
			}
		})
	}
}

var errAny = errors.New("any error")

// TestOpenCut cuts the connections of a reader.
func TestOpenCut(t *testing.T) {
	server := storagetest.FakeGCS(t)
	content := storagetest.Content(1<<20, 1)
	tuned := quick()
	tuned.stall = time.Second / 2 // nothing but a stall takes that long, also where the machine is busy
	for _, test := range []struct {
		name  string
		times int
		how   spoiler
		ok    bool
	}{
		{"cut in the middle", 3, cutAfter(100_000), true},
		{"stalled", 2, stallAfter(100_000), true},
		{"cut for ever", 99, cutAfter(1000), false},
		{"cut for ever without progress", 99, cutAfter(0), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			through := newProxy(t, server)
			bucket := openWith(t, through.Options, tuned)
			obj := storagetest.Put(t, bucket, "key", content)
			through.begin("read", test.times, test.how)
			r, err := bucket.Open(t.Context(), obj)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if test.ok && (err != nil || !bytes.Equal(got, content)) {
				t.Errorf("read: got %d bytes and error %v, want all", len(got), err)
			}
			if !test.ok && (err == nil || !bytes.HasPrefix(content, got)) {
				t.Errorf("read: got %d bytes and error %v, want the first bytes and an error", len(got), err)
			}
			if n := through.count("read"); n > resumptions+attempts {
				t.Errorf("read: made %d requests", n)
			}
			if err := r.Close(); err != nil && test.ok {
				t.Error(err)
			}
		})
	}
}

func TestDeleteRefused(t *testing.T) {
	through := newProxy(t, storagetest.FakeGCS(t))
	bucket := openWith(t, through.Options, quick())
	obj := storagetest.Put(t, bucket, "key", []byte("x"))
	for name, test := range map[string]struct {
		status          int
		reason, message string
		want            error
	}{
		"denied":    {403, "forbidden", "storage.objects.delete denied", storage.ErrDenied},
		"retention": {403, "retentionPolicyNotMet", "Object is subject to the bucket's policy", storage.ErrLocked},
		"hold":      {403, "forbidden", "Object is under active Temporary hold and cannot be deleted", storage.ErrLocked},
		"gone":      {404, "notFound", "No such object", nil},
	} {
		through.begin("DELETE object", 99, answer(test.status, test.reason, test.message))
		for _, err := range []error{bucket.Delete(t.Context(), obj), bucket.DeleteAll(t.Context(), []storage.Object{obj})[0]} {
			if !errors.Is(err, test.want) || test.want == storage.ErrLocked && errors.Is(err, storage.ErrDenied) {
				t.Errorf("Delete, %s: got error %v, want %v", name, err, test.want)
			}
		}
	}
}

func TestListBroken(t *testing.T) {
	through := newProxy(t, storagetest.FakeGCS(t))
	bucket := openWith(t, through.Options, quick())
	for text, want := range map[string]string{
		`{"items":[{"name":"a","generation":"1"}],"nextPageToken":"t"}`:           "failed too often",
		`{"items":[{"name":"b","generation":"1"},{"name":"a","generation":"1"}]}`: `lists "a" after "b"`,
	} {
		through.begin("list", 99, document(text))
		var last error
		for _, last = range bucket.List(t.Context(), "") {
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("List: got error %v, want %q", last, want)
		}
	}
}

// TestBucketMissing must not pass for "nothing there".
func TestBucketMissing(t *testing.T) {
	options := newBucket(t, storagetest.FakeGCS(t), false)
	options.Bucket += "-not"
	bucket := openWith(t, options, quick())
	var last error
	for _, last = range bucket.List(t.Context(), "") {
	}
	if last == nil || errors.Is(last, fs.ErrNotExist) {
		t.Errorf("List: got error %v, want one that is not fs.ErrNotExist", last)
	}
	if _, err := bucket.Inspect(t.Context()); err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("Inspect: got error %v", err)
	}
}
