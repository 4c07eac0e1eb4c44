// Package storagetest holds the contract of storage.Bucket as tests, which every
// provider passes, and what else a test of storage needs: servers to run
// against, and a bucket with faults. It knows no provider.
//
// Its one invariant: a provider that passes Run can be put in the place of any
// other.
//
// A provider uses the suite like this:
//
//	func TestConformance(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Bucket {
//			bucket, err := directory.Open(t.TempDir())
//			if err != nil {
//				t.Fatal(err)
//			}
//			return bucket
//		})
//	}
package storagetest

import (
	"testing"

	"github.com/etcdward/etcdward/storage"
)

// Run tests a provider against the contract of storage.Bucket, and against those
// of the optional interfaces of package storage that it has.
//
// Each call of open returns a bucket, or a prefix of one, that is empty and that
// nobody else writes to. What a test stores in it, it removes at its end.
func Run(t *testing.T, open func(t *testing.T) storage.Bucket) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, bucket storage.Bucket)
	}{
		{"put", testPut},
		{"put again", testPutAgain},
		{"put at once", testPutAtOnce},
		{"put a body that does not match", testPutMismatch},
		{"put empty", testPutEmpty},
		{"put large", testPutLarge},
		{"keys", testKeys},
		{"keys refused", testKeysRefused},
		{"open missing", testOpenMissing},
		{"open version", testOpenVersion},
		{"list order", testListOrder},
		{"list prefix", testListPrefix},
		{"list pages", testListPages},
		{"list ended early", testListEndedEarly},
		{"delete", testDelete},
		{"delete many", testDeleteMany},
		{"cancelled before", testCancelledBefore},
		{"cancelled during put", testCancelledDuringPut},
		{"cancelled during open", testCancelledDuringOpen},
		{"cancelled during list", testCancelledDuringList},
		{"inspect", testInspect},
		{"history", testHistory},
		{"tidy", testTidy},
		{"trial of create-only writes", testTrial},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := open(t)
			t.Cleanup(func() { empty(t, bucket) })
			test.run(t, bucket)
		})
	}
}
