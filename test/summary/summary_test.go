package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// summarize shows a recorded stream.
func summarize(t *testing.T, name string, ci bool) (shown string, good bool) {
	t.Helper()
	stream, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	var out bytes.Buffer
	s := newSummary(&out, ci)
	if err := s.follow(stream); err != nil {
		t.Fatal(err)
	}
	good = s.end()
	return out.String(), good
}

// inOrder checks that a text has all parts, one after the other.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%q is missing, or not in its place, in\n%s", part, text)
			return
		}
		rest = after
	}
}

func TestFailures(t *testing.T) {
	out, good := summarize(t, "failures.json", false)
	if good {
		t.Error("all is well")
	}
	inOrder(t, out, "FAIL build of example.org/app/broken", "broken.go:3:23: cannot use", "fail    0.0s example.org/app/broken\n")
	inOrder(t, out, "FAIL example.org/app/failing TestServer/part (", "want 3\n        but it is more\n",
		"FAIL example.org/app/failing TestServer (", "a helper's own word", "left are files, true", "further output",
		"a line of a server", "the end of m1.log", "fail    0.0s example.org/app/failing\n")
	inOrder(t, out, "FAIL example.org/app/panics TestPanics (", "panic: assignment to entry in nil map", "panics_test.go:8", "noise of a server")
	inOrder(t, out, "DID NOT END example.org/app/quit TestQuits\n", "before the end", "fail    0.0s example.org/app/quit\n")
	inOrder(t, out, "failed: build of example.org/app/broken", "failed: example.org/app/failing TestServer/part\n",
		"failed: example.org/app/panics TestPanics\n", "failed: example.org/app/quit\n")
	if !strings.HasSuffix(out, "\n2 passed, 3 failed, 2 skipped\n") {
		t.Errorf("it ends otherwise: %s", out)
	}
	for _, absent := range []string{"=== RUN", "--- FAIL", "--- SKIP", "said by what passed", "nobody wants this"} {
		if strings.Contains(out, absent) {
			t.Errorf("%q is told", absent)
		}
	}
}

// TestSkips has a skip of a test with and of one without a real provider.
func TestSkips(t *testing.T) {
	for ci, last := range map[bool]string{
		false: "\n1 passed, 0 failed, 2 skipped\n",
		true:  "\n1 skips are failures with CI=true\n1 passed, 0 failed, 2 skipped\n",
	} {
		out, good := summarize(t, "good.json", ci)
		if good == ci || !strings.HasSuffix(out, last) {
			t.Errorf("CI=%v: well is %v\n%s", ci, good, out)
		}
		inOrder(t, out, "SKIPPED example.org/app/failing TestAway\n", "there is no container", "SKIPPED example.org/app/failing TestAwayReal\n")
	}
}

// TestNothingPassed: a run without a test is no good one.
func TestNothingPassed(t *testing.T) {
	if s := newSummary(io.Discard, false); s.end() {
		t.Error("all is well")
	}
}

// TestRace: the report of a race is an assertion, what a server says beside it is not.
func TestRace(t *testing.T) {
	out := assertionsFirst("{\"msg\":\"server\"}\n==================\nWARNING: DATA RACE\nRead at 0x1\n\n==================\n{\"msg\":\"again\"}\n" +
		"    testing.go:1712: race detected during execution of test\n--- FAIL: TestA (0.00s)\n")
	inOrder(t, out, "WARNING: DATA RACE", "Read at", "race detected", "further output", "server", "again")
}

// screen is what has been shown since one last looked.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) look() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

// TestLive reads a stream that does not end: each package is told as it ends, and what runs long is named after a minute of silence.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, stream := io.Pipe()
		var out screen
		s := newSummary(&out, false)
		ended := make(chan error)
		go func() { ended <- s.follow(in) }()
		send := func(line string) {
			t.Helper()
			if _, err := io.WriteString(stream, line+"\n"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want := func(text string) {
			t.Helper()
			if shown := out.look(); shown != text {
				t.Errorf("it shows %q, want %q", shown, text)
			}
		}
		wait := func(d time.Duration) { // in the bubble, where this takes no time
			<-time.After(d)
			synctest.Wait()
		}
		at := func() string { return `{"Time":"` + time.Now().Format(time.RFC3339Nano) + `",` }
		wait(silence)
		want("running: the compiler\n")
		send(at() + `"Action":"start","Package":"slow"}`)
		send(at() + `"Action":"start","Package":"quick"}`)
		wait(50 * time.Second)
		send(at() + `"Action":"pass","Package":"quick","Elapsed":50}`)
		want("pass   50.0s quick\n")
		wait(50 * time.Second)
		want("")
		wait(10 * time.Second)
		want("running: slow (110s)\n")
		wait(silence)
		want("running: slow (170s)\n")
		send("go: no such thing")
		want("go: no such thing\n")
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
