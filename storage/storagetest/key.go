package storagetest

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/storage"
)

func testKeys(t *testing.T, bucket storage.Bucket) {
	keys := []string{
		"space in it", " leading space", "plus+plus", "percent%41%", "unicode-ü-日本-🔑",
		"quote'\"", "amp&lt<gt>", "question?mark", "hash#tag", "back\\slash", "colon:semi;comma,", "at@equals=",
		"~tilde$dollar!(paren)*star[bracket]{brace}|^`", "...", ".hidden", "trailing.", "deep/er/and/deep/er/still",
		strings.Repeat("e", storage.MaxElement),
		longKey,
	}
	for i, key := range keys {
		content := Content(10+i, byte(i))
		wantContent(t, bucket, Put(t, bucket, key, content), content)
	}
	slices.Sort(keys)
	var listed []string
	for _, obj := range List(t, bucket, "") {
		listed = append(listed, obj.Key)
	}
	if !slices.Equal(listed, keys) {
		t.Errorf("List: got\n%q, want\n%q", listed, keys)
	}
	for _, key := range keys {
		if found := List(t, bucket, key); len(found) == 0 || found[0].Key != key {
			t.Errorf("List %q: got %v, want that key first", key, found)
		}
		if err := bucket.Delete(t.Context(), storage.Object{Key: key}); err != nil {
			t.Errorf("Delete %q: %v", key, err)
		}
		wantMissing(t, bucket, key)
	}
}

// longKey is of the greatest length, in elements that are not.
var longKey = strings.Repeat(strings.Repeat("k", 127)+"/", 4)[:storage.MaxKey-1] + "k"

func testKeysRefused(t *testing.T, bucket storage.Bucket) {
	Put(t, bucket, "folder/key", []byte("untouched"))
	for _, key := range []string{
		"", "/", "/folder/key", "folder/", "folder//key", ".", "..", "./folder/key", "../key", "folder/../key",
		"folder/..", "a/./b", "line\nfeed", "nul\x00", "escape\x1b", "delete\x7f", "c1\u0085", "not\xffutf-8",
		longKey + "k", strings.Repeat("e", storage.MaxElement+1), storage.Reserved + "x", "a/" + storage.Reserved + "x/b",
	} {
		if _, err := bucket.Put(t.Context(), Upload(key, []byte("x"))); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("Put %q: got error %v, want a refusal", key, err)
		}
		if r, err := bucket.Open(t.Context(), storage.Object{Key: key}); err == nil {
			_ = r.Close()
			t.Errorf("Open %q: got an object, want an error", key)
		}
		if err := bucket.Delete(t.Context(), storage.Object{Key: key}); err == nil {
			t.Errorf("Delete %q: got no error, want a refusal", key)
		}
	}
	if listed := List(t, bucket, ""); len(listed) != 1 || listed[0].Key != "folder/key" {
		t.Errorf("List: got %v, want folder/key alone", listed)
	}
	for _, prefix := range []string{"/", "//", "..", "../", "./", "folder//", "folder/../", "/folder", "nul\x00", "not\xff"} {
		if listed := List(t, bucket, prefix); len(listed) != 0 {
			t.Errorf("List %q: got %v, want nothing", prefix, listed)
		}
	}
}
