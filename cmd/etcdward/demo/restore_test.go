package demo

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemoRestore plays the last act of the demonstration: its last snapshot becomes a cluster of three, equal to the one that it came
// from.
func TestDemoRestore(t *testing.T) {
	var out, errs bytes.Buffer
	d := &demonstration{Options: Options{Out: &out, Err: &errs, Dir: filepath.Join(t.TempDir(), "demo")}, store: store{kind: Directory}}
	if err := d.prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	for _, act := range []func(context.Context) error{d.startCluster, d.fill, d.startStore, d.configure, d.restoreLast} {
		if err := act(t.Context()); err != nil {
			t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
		}
	}
	if text := out.String(); strings.Count(text, "switched") != 3 || strings.Count(text, "equal     HashKV") != 2 || !strings.Contains(text, "the snapshot, and new-1, new-2, new-3") {
		t.Errorf("it says\n%s", text)
	}
}
