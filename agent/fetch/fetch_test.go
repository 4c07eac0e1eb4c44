package fetch

import (
	"errors"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// TestSameFile holds what is said of a file that is not that of its manifest: the fields, in words, and damage once.
func TestSameFile(t *testing.T) {
	facts := snapshot.Facts{SizeBytes: 4096, SHA256: "ab", Revision: 7, TotalKeys: 5}
	for _, test := range []struct {
		name string
		edit func(*snapshot.Examination)
		want string // "": the same
	}{
		{"the same", func(*snapshot.Examination) {}, ""},
		{"others", func(e *snapshot.Examination) { e.Facts.Revision, e.Facts.HashKV.Hash = 8, 3 },
			"damaged: it is a sound snapshot, but not the one of the manifest: revision is 8, and the manifest says 7; HashKV is 3, and the manifest says 0"},
		{"a check failed", func(e *snapshot.Examination) {
			e.Checks = []snapshot.Check{{Name: snapshot.CheckSHA256, Detail: "cut"}}
		}, "check sha256: damaged: cut"},
	} {
		exam := snapshot.Examination{Facts: facts}
		test.edit(&exam)
		err := SameFile(exam, snapshot.Manifest{Facts: facts})
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, snapshot.ErrDamaged) || err.Error() != test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	// Every field that the comparison sees has a name.
	for _, edit := range []func(*snapshot.Facts){
		func(f *snapshot.Facts) { f.SizeBytes++ }, func(f *snapshot.Facts) { f.SHA256 = "x" }, func(f *snapshot.Facts) { f.StatusHash = "x" },
		func(f *snapshot.Facts) { f.Revision++ }, func(f *snapshot.Facts) { f.CompactRevision++ }, func(f *snapshot.Facts) { f.TotalKeys++ },
		func(f *snapshot.Facts) { f.StorageVersion = "x" }, func(f *snapshot.Facts) { f.HashKV.Hash++ },
		func(f *snapshot.Facts) { f.HashKV.Revision++ }, func(f *snapshot.Facts) { f.HashKV.CompactRevision++ },
	} {
		found := facts
		edit(&found)
		if said := difference(found, facts); strings.Count(said, "the manifest says") != 1 {
			t.Errorf("%+v: said %q", found, said)
		}
	}
}
