package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/storage"
)

// wantList checks the keys of a listing, and their order.
func wantList(t *testing.T, bucket storage.Bucket, prefix string, want ...string) {
	t.Helper()
	var got []string
	for _, obj := range List(t, bucket, prefix) {
		got = append(got, obj.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("List %q: got %q, want %q", prefix, got, want)
	}
}

func testListOrder(t *testing.T, bucket storage.Bucket) {
	wantList(t, bucket, "")
	// In ASCII "-" and "." come before "/", "0" after it: a walk that takes a folder
	// by its name alone is out of order.
	keys := []string{
		"A", "B/x", "a!", "a-b", "a-b-c/d", "a.b", "a.b.c/d", "a/b", "a/b-c", "a/b.c", "a/b0", "a/c-d/e", "a/c.d", "a/c/d",
		"a/c0/d", "a0", "aa/b", "ab", "b", "ä", "ﬀ", "🔑",
	}
	if !slices.IsSorted(keys) {
		t.Fatal("the keys of this test are not sorted")
	}
	for i, key := range keys {
		Put(t, bucket, keys[(i*7+3)%len(keys)], []byte(key))
	}
	wantList(t, bucket, "", keys...)
}

func testListPrefix(t *testing.T, bucket storage.Bucket) {
	for _, key := range []string{"v1/prod/a", "v1/prod/b/c", "v1/prod-eu/a", "v1/prod2", "v2/prod/a", "v10"} {
		Put(t, bucket, key, []byte(key))
	}
	wantList(t, bucket, "v1", "v1/prod-eu/a", "v1/prod/a", "v1/prod/b/c", "v1/prod2", "v10")
	wantList(t, bucket, "v1/", "v1/prod-eu/a", "v1/prod/a", "v1/prod/b/c", "v1/prod2")
	wantList(t, bucket, "v1/pr", "v1/prod-eu/a", "v1/prod/a", "v1/prod/b/c", "v1/prod2")
	wantList(t, bucket, "v1/prod/", "v1/prod/a", "v1/prod/b/c")
	wantList(t, bucket, "v1/prod/a", "v1/prod/a")
	wantList(t, bucket, "v1/prod/a/")
	wantList(t, bucket, "v1/prod/b", "v1/prod/b/c")
	wantList(t, bucket, "v1/prod/x")
	wantList(t, bucket, "v3/")
	wantList(t, bucket, "v2/prod/a/b/c")
}

// pagedKeys is more than the 1,000 objects that a store gives at once.
const pagedKeys = 1100

// putMany stores pagedKeys small objects and returns their keys in order.
func putMany(t *testing.T, bucket storage.Bucket) []string {
	t.Helper()
	keys := make([]string, pagedKeys)
	next := make(chan string)
	var writers sync.WaitGroup
	for range 16 {
		writers.Go(func() {
			for key := range next {
				if _, err := bucket.Put(t.Context(), Upload(key, []byte(key))); err != nil {
					t.Errorf("Put %q: %v", key, err)
				}
			}
		})
	}
	for i := range keys {
		keys[i] = fmt.Sprintf("many/%05d", i)
		next <- keys[i]
	}
	close(next)
	writers.Wait()
	return keys
}

func testListPages(t *testing.T, bucket storage.Bucket) {
	keys := putMany(t, bucket)
	wantList(t, bucket, "", keys...)
	wantList(t, bucket, "many/", keys...)
	wantList(t, bucket, "many/010", keys[1000:]...)
}

func testListEndedEarly(t *testing.T, bucket storage.Bucket) {
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		Put(t, bucket, key, []byte(key))
	}
	for stop := 1; stop <= 4; stop++ {
		seen := 0
		for _, err := range bucket.List(t.Context(), "") {
			if err != nil {
				t.Fatalf("List: %v", err)
			}
			if seen++; seen == stop {
				break
			}
		}
		if seen != stop {
			t.Errorf("List: got %d objects before the end, want %d", seen, stop)
		}
	}
	// The same sequence can be begun again.
	sequence := bucket.List(t.Context(), "b/")
	for range 2 {
		count := 0
		for range sequence {
			count++
		}
		if count != 2 {
			t.Errorf("List, the sequence used again: got %d objects, want 2", count)
		}
	}
}
