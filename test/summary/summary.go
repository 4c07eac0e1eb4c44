package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// event is one line of `go test -json`.
type event struct {
	Time                          time.Time
	Action, Package, Test, Output string
	ImportPath                    string // replaces Package in the output of the compiler
	Elapsed                       float64
}

// realCloud ends the names of tests that need a bucket of a real provider.
const realCloud = "Real"

// testID names a test; without a name it is the package itself.
type testID struct{ pkg, name string }

// summary is what is known so far.
type summary struct {
	out                                 io.Writer
	ci                                  bool
	passed, failed, skipped, notAllowed int
	broken                              []string // what failed, in order
	output                              map[testID]*strings.Builder
	builds                              map[string]*strings.Builder
	running                             map[string]time.Time // packages, since when
	printed                             int                  // bytes
}

func newSummary(out io.Writer, ci bool) *summary {
	return &summary{out: out, ci: ci, output: map[testID]*strings.Builder{}, builds: map[string]*strings.Builder{}, running: map[string]time.Time{}}
}

func (s *summary) printf(format string, args ...any) {
	n, err := fmt.Fprintf(s.out, format, args...)
	if err != nil {
		panic(err) // there is no other way to report it
	}
	s.printed += n
}

// line takes one line of the stream.
func (s *summary) line(text []byte) {
	var e event
	if err := json.Unmarshal(text, &e); err != nil {
		s.printf("%s\n", text) // output of the go command itself
		return
	}
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "start":
		s.running[e.Package] = e.Time
	case "build-output":
		add(s.builds, e.ImportPath, e.Output)
	case "build-fail":
		s.broken = append(s.broken, "build of "+e.ImportPath)
		s.printf("FAIL build of %s\n%s", e.ImportPath, take(s.builds, e.ImportPath))
	case "output":
		add(s.output, id, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.packageEnds(e)
		} else {
			s.testEnds(e, take(s.output, id))
		}
	}
}

func (s *summary) testEnds(e event, output string) {
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		s.broken = append(s.broken, e.Package+" "+e.Test)
		s.printf("FAIL %s %s (%.1fs)\n%s", e.Package, e.Test, e.Elapsed, assertionsFirst(output))
	case "skip":
		s.skipped++
		s.printf("SKIPPED %s %s\n%s", e.Package, e.Test, assertionsFirst(output))
		if s.ci && !strings.HasSuffix(e.Test, realCloud) {
			s.notAllowed++
		}
	}
}

// packageEnds prints the line of a package that has ended. If it failed, packageEnds also prints the output that belongs to no
// finished test, such as a leak, a panic, or a timeout.
func (s *summary) packageEnds(e event) {
	delete(s.running, e.Package)
	own := take(s.output, testID{e.Package, ""})
	var open []testID
	for id := range s.output {
		if id.pkg == e.Package {
			open = append(open, id)
		}
	}
	slices.SortFunc(open, func(a, b testID) int { return strings.Compare(a.name, b.name) })
	for _, id := range open {
		text := take(s.output, id)
		if e.Action == "fail" {
			s.printf("DID NOT END %s %s\n%s", id.pkg, id.name, assertionsFirst(text))
		}
	}
	s.printf("%-4s %6.1fs %s\n", e.Action, e.Elapsed, e.Package)
	if e.Action == "fail" {
		s.printf("%s", own)
		if !slices.ContainsFunc(s.broken, func(what string) bool { return names(what, e.Package) }) {
			s.broken = append(s.broken, e.Package)
		}
	}
}

// names reports whether something that failed belongs to a package: one of its tests, or its build.
func names(what, pkg string) bool {
	return slices.Contains(strings.Fields(what), pkg)
}

// stillRunning names the packages that have begun and not ended.
func (s *summary) stillRunning(now time.Time) {
	var parts []string
	for _, pkg := range slices.Sorted(maps.Keys(s.running)) {
		parts = append(parts, fmt.Sprintf("%s (%.0fs)", pkg, now.Sub(s.running[pkg]).Seconds()))
	}
	if len(parts) == 0 {
		parts = []string{"the compiler"}
	}
	s.printf("running: %s\n", strings.Join(parts, ", "))
}

// end prints the count and reports whether all is well.
func (s *summary) end() bool {
	for _, what := range s.broken {
		s.printf("failed: %s\n", what)
	}
	if s.notAllowed > 0 {
		s.printf("%d skips are failures with CI=true\n", s.notAllowed)
	}
	s.printf("%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	return len(s.broken) == 0 && s.notAllowed == 0 && s.passed > 0
}

func add[K comparable](texts map[K]*strings.Builder, key K, text string) {
	if texts[key] == nil {
		texts[key] = new(strings.Builder)
	}
	texts[key].WriteString(text)
}

// take removes a text.
func take[K comparable](texts map[K]*strings.Builder, key K) string {
	b := texts[key]
	delete(texts, key)
	if b == nil {
		return ""
	}
	return b.String()
}
