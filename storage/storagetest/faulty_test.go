package storagetest_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func openDirectory(t *testing.T) storage.Bucket {
	t.Helper()
	bucket, err := directory.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

// replace makes each kind of operation once: it reads a, stores it as b, and removes a.
func replace(ctx context.Context, bucket storage.Bucket) error {
	for obj, err := range bucket.List(ctx, "a") {
		if err != nil {
			return err
		}
		r, err := bucket.Open(ctx, obj)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
		if _, err := bucket.Put(ctx, storagetest.Upload("b", content)); err != nil {
			return err
		}
		if err := bucket.Delete(ctx, obj); err != nil {
			return err
		}
	}
	return nil
}

func TestFaults(t *testing.T) {
	runs := 0
	storagetest.Faults(t, openDirectory, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		runs++
		storagetest.Put(t, bucket, "a", []byte("content"))
		err := replace(t.Context(), faulty)
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) {
			t.Errorf("replace: got error %v, fault met: %v", err, faulty.Met())
		}
		// Never is the content lost, and never is it there in part.
		for _, obj := range storagetest.List(t, bucket, "") {
			if got := storagetest.Read(t, bucket, obj); string(got) != "content" {
				t.Errorf("%s holds %q", obj.Key, got)
			}
		}
		if err := replace(t.Context(), bucket); err != nil {
			t.Errorf("replace without a fault: %v", err)
		}
		if objects := storagetest.List(t, bucket, ""); len(objects) != 1 || objects[0].Key != "b" {
			t.Errorf("afterwards there is %v, want b", objects)
		}
	})
	// Four operations, each of which fails once, and a run without a fault, in each of the four ways.
	if runs != 4*5 {
		t.Errorf("Faults made %d runs, want 20", runs)
	}
}

func TestFault(t *testing.T) {
	for fault, want := range map[storagetest.Fault]struct {
		put    bool   // is the object there although Put failed?
		open   string // what was read before the fault
		list   int    // how many objects were listed before the fault
		delete bool   // is the object gone although Delete failed?
	}{
		storagetest.Before: {},
		storagetest.Down:   {},
		storagetest.During: {open: "con", list: 1},
		storagetest.After:  {put: true, open: "content", list: 2, delete: true},
	} {
		bucket := openDirectory(t)
		wantFault := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, storagetest.ErrFault) {
				t.Errorf("%s, fault %v: got error %v, want ErrFault", what, fault, err)
			}
		}
		_, err := storagetest.NewFaulty(bucket, 1, fault).Put(t.Context(), storagetest.Upload("a", []byte("content")))
		wantFault("Put", err)
		if got := len(storagetest.List(t, bucket, "")) == 1; got != want.put {
			t.Errorf("Put, fault %v: the object is there: %v", fault, got)
		}
		a := storagetest.Put(t, bucket, "a", []byte("content"))
		storagetest.Put(t, bucket, "b", nil)

		r, err := storagetest.NewFaulty(bucket, 1, fault).Open(t.Context(), a)
		var content []byte
		if err == nil {
			content, err = io.ReadAll(r)
		}
		wantFault("Open", err)
		if string(content) != want.open {
			t.Errorf("Open, fault %v: got %q, want %q", fault, content, want.open)
		}

		count := 0
		for _, err = range storagetest.NewFaulty(bucket, 1, fault).List(t.Context(), "") {
			if err == nil {
				count++
			}
		}
		wantFault("List", err)
		if count != want.list {
			t.Errorf("List, fault %v: got %d objects, want %d", fault, count, want.list)
		}

		wantFault("Delete", storagetest.NewFaulty(bucket, 1, fault).Delete(t.Context(), a))
		if got := len(storagetest.List(t, bucket, "a")) == 0; got != want.delete {
			t.Errorf("Delete, fault %v: the object is gone: %v", fault, got)
		}
	}
}

func TestDownStaysDown(t *testing.T) {
	for fault, want := range map[storagetest.Fault]bool{storagetest.Before: false, storagetest.Down: true} {
		faulty := storagetest.NewFaulty(openDirectory(t), 2, fault)
		var failed []bool
		for range 3 {
			failed = append(failed, faulty.Delete(t.Context(), storage.Object{Key: "a"}) != nil)
		}
		if failed[0] || !failed[1] || failed[2] != want {
			t.Errorf("fault %v at 2: operations failed: %v", fault, failed)
		}
	}
}
