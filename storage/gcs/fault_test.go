package gcs

import (
	"bytes"
	"errors"
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
		how       storagetest.Spoiler
		want      error // nil: success; errAny: some error
		requests  int
	}{
		{"lost reply", small, "upload", 1, storagetest.LoseReply, nil, 2},
		{"unavailable", small, "upload", 3, storagetest.RefuseGCS(503, "backendError", "later"), nil, 4},
		{"unavailable for ever", small, "upload", 99, storagetest.RefuseGCS(503, "backendError", "later"), errAny, attempts},
		{"denied", small, "upload", 1, storagetest.RefuseGCS(403, "forbidden", "storage.objects.create denied"), storage.ErrDenied, 1},
		{"chunks: lost reply to begin", large, "begin upload", 1, storagetest.LoseReply, nil, 2},
		{"chunks: unavailable", large, "chunk", 2, storagetest.RefuseGCS(503, "backendError", "later"), nil, 0},
		{"chunks: denied", large, "begin upload", 1, storagetest.RefuseGCS(403, "forbidden", "storage.objects.create denied"), storage.ErrDenied, 1},
		// The server takes what is damaged, as its attributes tell.
		{"chunks: damaged", large, "chunk", 1, damage(0), errAny, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			through := newProxy(t, server)
			bucket := openWith(t, through.Options, quick())
			through.Break(test.operation, test.times, test.how)
			put, err := bucket.Put(t.Context(), storagetest.Upload("key", test.content))
			if got := through.Count(test.operation); test.requests != 0 && got != test.requests {
				t.Errorf("Put made %d requests %s, want %d", got, test.operation, test.requests)
			}
			through.Mend()
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
		how   storagetest.Spoiler
		ok    bool
	}{
		{"cut in the middle", 3, storagetest.CutAfter(100_000), true},
		{"stalled", 2, storagetest.StallAfter(100_000), true},
		{"cut for ever", 99, storagetest.CutAfter(1000), false},
		{"cut for ever without progress", 99, storagetest.CutAfter(0), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			through := newProxy(t, server)
			// What is written has the time that it needs, and leaves the reader no connection.
			obj := storagetest.Put(t, openWith(t, through.Options, quick()), "key", content)
			bucket := openWith(t, through.Options, tuned)
			through.Break("read", test.times, test.how)
			if err := storagetest.ReadCut(t, bucket, obj, content, test.ok); err != nil && test.ok {
				t.Error(err)
			}
			if n := through.Count("read"); n > resumptions+attempts {
				t.Errorf("read: made %d requests", n)
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
		through.Break("DELETE object", 99, storagetest.RefuseGCS(test.status, test.reason, test.message))
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
		`{"kind":"storage#objects","items":[{"name":"a","generation":"1"}],"nextPageToken":"t"}`:           "failed too often",
		`{"kind":"storage#objects","items":[{"name":"b","generation":"1"},{"name":"a","generation":"1"}]}`: `lists "a" after "b"`,
	} {
		through.Break("list", 99, storagetest.Document(text))
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
	if _, err := bucket.Inspect(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no bucket") {
		t.Errorf("Inspect: got error %v", err)
	}
}
