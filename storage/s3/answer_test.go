package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// call is one call of a bucket, and the request that it rests on.
type call struct {
	name, operation string
	do              func(context.Context, *Bucket) error
}

// calls are all calls of a bucket. There is an object under "there", and none under "key".
func calls() []call {
	return []call{
		{"Put", "PUT object", put("key", 1)},
		{"Put in parts, begin", "CreateMultipartUpload", put("large", 6<<20)},
		{"Put in parts, part", "UploadPart", put("large", 6<<20)},
		{"Put in parts, end", "CompleteMultipartUpload", put("large", 6<<20)},
		{"Put of what is there", "HEAD object", put("there", 1)},
		{"Open", "GET object", func(ctx context.Context, b *Bucket) error {
			r, err := b.Open(ctx, storage.Object{Key: "there"})
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, r)
			return errors.Join(err, r.Close())
		}},
		{"List", "ListObjectsV2", func(ctx context.Context, b *Bucket) error { return lastError(b.List(ctx, "")) }},
		{"List, the versioning", "GET versioning", func(ctx context.Context, b *Bucket) error { return lastError(b.List(ctx, "")) }},
		{"Delete", "DELETE object", func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, storage.Object{Key: "there"}) }},
		{"DeleteAll", "DeleteObjects", func(ctx context.Context, b *Bucket) error {
			return errors.Join(b.DeleteAll(ctx, []storage.Object{{Key: "there"}})...)
		}},
		{"Sweep", "ListMultipartUploads", func(ctx context.Context, b *Bucket) error { _, err := b.Sweep(ctx, ""); return err }},
		{"Inspect", "GET versioning", func(ctx context.Context, b *Bucket) error { _, err := b.Inspect(ctx); return err }},
	}
}

func put(key string, size int) func(context.Context, *Bucket) error {
	return func(ctx context.Context, b *Bucket) error {
		_, err := b.Put(ctx, storagetest.Upload(key, storagetest.Content(size, 1)))
		return err
	}
}

func lastError(sequence func(func(storage.Object, error) bool)) (last error) {
	for _, err := range sequence {
		last = err
	}
	return last
}

// TestNotANoIsNotAYes has something else than an S3 server answer, in all the ways that were seen, to each request.
func TestNotANoIsNotAYes(t *testing.T) {
	for name, fault := range map[string]storagetest.Spoiler{
		"page of HTML, 200":        storagetest.Page(200),
		"page of HTML, 404":        storagetest.Page(404),
		"page of HTML, 403":        storagetest.Page(403),
		"default backend":          text(404, "default backend - 404"),
		"no page found":            text(404, "404 page not found\n"),
		"a word from a mesh":       text(403, "RBAC: access denied"),
		"a word, 200":              text(200, "OK"),
		"JSON, 200":                storagetest.Document(`{"status":"ok"}`),
		"XML of another kind":      storagetest.Document("<rss><channel/></rss>"),
		"XML of another namespace": storagetest.Document(`<ListBucketResult xmlns="urn:other"/>`),
		"portal":                   storagetest.Redirect(302, "https://portal.example/login"),
		"moved":                    storagetest.Redirect(301, "https://elsewhere.example/"),
		"nothing, 200":             storagetest.Nothing(200),
		"nothing, 202":             storagetest.Nothing(202),
		"no ETag":                  storagetest.Without("ETag"),
	} {
		through, _ := newMemory(t)
		for _, c := range calls() {
			through.Mend()
			storagetest.Put(t, openWith(t, through.Options, quick()), "there", storagetest.Content(1, 1))
			if harmless(name, c) {
				continue
			}
			bucket := openWith(t, through.Options, quick())
			through.Break(c.operation, 99, fault)
			err := c.do(t.Context(), bucket)
			if !errors.Is(err, storage.ErrNotAStore) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrDenied) {
				t.Errorf("%s, %s: got error %v, want ErrNotAStore and nothing else", name, c.name, err)
			}
			if n := through.Count(c.operation); n > 1 && c.operation != "UploadPart" {
				t.Errorf("%s, %s: the request was made %d times", name, c.name, n)
			}
		}
		through.Mend()
		if got := storagetest.List(t, openWith(t, through.Options, quick()), ""); len(got) > 2 {
			t.Errorf("%s: List, once the store is back: got %v", name, got)
		}
	}
	// What says that it is overloaded is asked again, whoever says it.
	through, _ := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	through.Break("PUT object", 2, storagetest.Page(503))
	storagetest.Put(t, bucket, "later", nil)
}

// harmless reports whether a fault is none for a call, or cannot be seen in its answer: a HEAD has no body, and a deletion none that
// says anything.
func harmless(fault string, c call) bool {
	switch {
	case fault == "no ETag":
		return !strings.HasPrefix(c.name, "Put") && c.name != "Open" || c.operation == "CreateMultipartUpload" || c.operation == "CompleteMultipartUpload"
	case c.operation == "HEAD object":
		return strings.Contains(fault, "404") || strings.HasPrefix(fault, "default") || strings.HasPrefix(fault, "no page") || strings.HasPrefix(fault, "a word from")
	case c.operation == "DELETE object":
		return fault == "nothing, 200" || fault == "nothing, 202"
	}
	return false
}

func text(status int, words string) storagetest.Spoiler {
	return func(_ *storagetest.Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, words)
		}
	}
}

// TestPutInPartsDemands has an end of an upload that says nothing.
func TestPutInPartsDemands(t *testing.T) {
	through, _ := newMemory(t)
	for operation, answer := range map[string]string{
		"CreateMultipartUpload":   "<InitiateMultipartUploadResult/>",
		"CompleteMultipartUpload": "<CompleteMultipartUploadResult/>",
	} {
		through.Break(operation, 99, storagetest.Document(answer))
		if err := put("key", 6<<20)(t.Context(), openWith(t, through.Options, quick())); !errors.Is(err, storage.ErrNotAStore) {
			t.Errorf("%s without content: got error %v, want ErrNotAStore", operation, err)
		}
	}
}

// TestDocumentsNames takes documents that are right in spite of what they are called, and tells a bucket that the store does not see.
func TestDocumentsNames(t *testing.T) {
	through, _ := newMemory(t)
	through.Break("ListObjectsV2", 99, storagetest.Rewrite(func(header http.Header, body []byte) []byte {
		header.Set("Content-Type", "text/html")
		return body
	}))
	storagetest.List(t, openWith(t, through.Options, quick()), "")
	through.Break("ListObjectsV2", 99, storagetest.Document(`<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets/></ListAllMyBucketsResult>`))
	wantRefusal(t, refusal{code: "buckets", says: "lists its buckets", try: "path_style: true", kind: storage.ErrSetup},
		lastError(openWith(t, through.Options, quick()).List(t.Context(), "")))
}

// TestEvidence has a store that gives another object than it listed: that is no word on the one that was listed.
func TestEvidence(t *testing.T) {
	through, _ := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	content := storagetest.Content(5000, 1)
	stored := storagetest.Put(t, bucket, "key", content)
	listed := storagetest.List(t, bucket, "")[0]
	if listed.Tag == "" || listed.Tag != stored.Tag {
		t.Errorf("List: got tag %q, Put gave %q", listed.Tag, stored.Tag)
	}
	for name, fault := range map[string]storagetest.Spoiler{"short": storagetest.Resize(-7), "empty": storagetest.Resize(-5000), "long": storagetest.Resize(1)} {
		through.Break("GET object", 99, fault)
		if r, err := bucket.Open(t.Context(), listed); !errors.Is(err, storage.ErrContradicted) {
			t.Errorf("Open, %s: got %v and error %v, want ErrContradicted", name, r, err)
		}
		if r, err := bucket.Open(t.Context(), storage.Object{Key: "key", Size: 5000}); err != nil {
			t.Errorf("Open of what no listing gave, %s: %v", name, err)
		} else if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	through.Break("GET object", 1, storagetest.RefuseS3(404, "NoSuchKey", "The specified key does not exist."))
	if _, err := bucket.Open(t.Context(), listed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of what is not there: got error %v, want fs.ErrNotExist", err)
	}
	if found, err := storage.Find(t.Context(), bucket, "key"); err != nil || found != listed {
		t.Errorf("Find: got %v and error %v, want %v", found, err, listed)
	}
	through.Mend()
	r, err := bucket.Open(t.Context(), listed)
	if err != nil {
		t.Fatal(err)
	}
	given := r.(storage.Described).Object()
	if given.Size != listed.Size || given.Tag != listed.Tag || given.Key != listed.Key || given.Stored.Sub(listed.Stored).Abs() > time.Second {
		t.Errorf("the reader describes %+v, listed was %+v", given, listed)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read: %d bytes, error %v", len(got), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestListCut has a listing end in its middle, which would pass for fewer objects.
func TestListCut(t *testing.T) {
	through, _ := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	storagetest.Put(t, bucket, "a", nil)
	storagetest.Put(t, bucket, "b", nil)
	for _, cut := range []int{-1, -20, -30, -100, -250} {
		through.Break("ListObjectsV2", 99, storagetest.Resize(cut))
		if err := lastError(bucket.List(t.Context(), "")); err == nil {
			t.Errorf("List, cut by %d bytes: got no error", -cut)
		}
	}
}
