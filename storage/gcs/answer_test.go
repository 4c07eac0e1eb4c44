package gcs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"testing"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestNotANoIsNotAYes has something else than Google's service answer, in all the ways that were seen, to each request.
func TestNotANoIsNotAYes(t *testing.T) {
	server := storagetest.FakeGCS(t)
	for name, fault := range map[string]storagetest.Spoiler{
		"page of HTML, 200":   storagetest.Page(200),
		"page of HTML, 403":   storagetest.Page(403),
		"page of HTML, 404":   storagetest.Page(404),
		"default backend":     text(404, "default backend - 404"),
		"a word from a mesh":  text(403, "RBAC: access denied"),
		"a word, 200":         text(200, "OK"),
		"JSON without a kind": storagetest.Document(`{"status":"ok","name":"key","generation":"7"}`),
		"another kind":        storagetest.Document(`{"kind":"compute#disk"}`),
		"no generation":       storagetest.Document(`{"kind":"storage#object","name":"key"}`),
		"portal":              storagetest.Redirect(302, "https://portal.example/login"),
		"nothing, 200":        storagetest.Nothing(200),
		"XML":                 storagetest.Document(`<Error/>`),
	} {
		through := newProxy(t, server)
		for operation, do := range map[string]func(context.Context, *Bucket) error{
			"upload":        func(ctx context.Context, b *Bucket) error { return put(ctx, b, "key", 1) },
			"begin upload":  func(ctx context.Context, b *Bucket) error { return put(ctx, b, "large", 3<<20) },
			"chunk":         func(ctx context.Context, b *Bucket) error { return put(ctx, b, "large", 3<<20) },
			"GET object":    func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, storage.Object{Key: "there"}) },
			"DELETE object": func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, storage.Object{Key: "there"}) },
			"list":          listError,
			"GET bucket":    func(ctx context.Context, b *Bucket) error { _, err := b.Inspect(ctx); return err },
			"read": func(ctx context.Context, b *Bucket) error {
				r, err := b.Open(ctx, storage.Object{Key: "there"})
				if err != nil {
					return err
				}
				return r.Close()
			},
		} {
			if operation == "DELETE object" && name == "nothing, 200" {
				continue // that is how some answer
			}
			bucket := openWith(t, through.Options, quick())
			through.Mend()
			storagetest.Put(t, bucket, "there", []byte("x"))
			through.Break(operation, 99, fault)
			if err := do(t.Context(), bucket); !errors.Is(err, storage.ErrNotAStore) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrDenied) {
				t.Errorf("%s, %s: got error %v, want ErrNotAStore and nothing else", name, operation, err)
			}
			if n := through.Count(operation); n > 1 {
				t.Errorf("%s, %s: the request was made %d times", name, operation, n)
			}
		}
	}
}

func put(ctx context.Context, b *Bucket, key string, size int) error {
	_, err := b.Put(ctx, storagetest.Upload(key, storagetest.Content(size, 1)))
	return err
}

func listError(ctx context.Context, b *Bucket) (last error) {
	for _, err := range b.List(ctx, "") {
		last = err
	}
	return last
}

func text(status int, words string) storagetest.Spoiler {
	return func(_ *storagetest.Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, words)
	}
}

// TestEvidence has a service that gives another object than it listed: that is no word on the one that was listed.
func TestEvidence(t *testing.T) {
	through := newProxy(t, storagetest.FakeGCS(t))
	bucket := openWith(t, through.Options, quick())
	stored := storagetest.Put(t, bucket, "key", storagetest.Content(5000, 1))
	listed := storagetest.List(t, bucket, "")[0]
	if listed.Tag == "" || listed.Tag != stored.Tag {
		t.Errorf("List: got tag %q, Put gave %q", listed.Tag, stored.Tag)
	}
	for name, fault := range map[string]storagetest.Spoiler{"short": storagetest.Resize(-7), "long": storagetest.Resize(1)} {
		through.Break("read", 99, fault)
		if r, err := bucket.Open(t.Context(), listed); !errors.Is(err, storage.ErrContradicted) {
			t.Errorf("Open, %s: got %v and error %v, want ErrContradicted", name, r, err)
		}
	}
	through.Mend()
	r, err := bucket.Open(t.Context(), listed)
	if err != nil {
		t.Fatal(err)
	}
	if given := r.(storage.Described).Object(); given.Size != listed.Size || given.Tag != listed.Tag || given.Key != listed.Key {
		t.Errorf("the reader describes %+v, listed was %+v", given, listed)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
