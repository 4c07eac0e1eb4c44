package main

import (
	"debug/buildinfo"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

// TestDescribe checks that everything in the binary is named: itself, the standard library, each module as it was built.
func TestDescribe(t *testing.T) {
	info := &buildinfo.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "example.org/x"}, Deps: []*debug.Module{
		{Path: "example.org/a", Version: "v1.0.0"},
		{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v1.0.1"}},
	}}
	d := describe(info, "0.1.0", "arm64", time.Unix(0, 0).UTC())
	var purls []string
	for _, c := range d.Packages {
		purls = append(purls, c.ExternalRefs[0].Locator)
	}
	want := []string{"pkg:golang/example.org/x@v0.1.0", "pkg:golang/stdlib@1.26.8", "pkg:golang/example.org/a@v1.0.0", "pkg:golang/example.org/fork@v1.0.1"}
	if !slices.Equal(purls, want) {
		t.Errorf("got %q, want %q", purls, want)
	}
	if len(d.Relationships) != len(want) || d.Name != "etcdward-0.1.0-arm64" || d.CreationInfo.Created != "1970-01-01T00:00:00Z" {
		t.Errorf("got %+v", d)
	}
}
