package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
)

// idleLimit is what an idle daemon may hold, in MiB.
const idleLimit = 45

// TestDaemon runs the real binary until its schedule took a snapshot, looks at its memory, and stops it.
func TestDaemon(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 300)
	s := newSite(t, c, `snapshot: {schedule: "* * * * *"}`)
	p := s.start(t, program(t), "run")
	waitFor(t, 90*time.Second, func() bool { return strings.Contains(p.said.String(), "job done") }, p.said)
	for _, want := range []string{`msg="etcdward started"`, `reason="drill: valid, but without effect`, `msg="job scheduled" job=defrag`, `msg="snapshot proven".*role=follower`, `msg="job done" job=snapshot due=`} {
		if !regexp.MustCompile(want).MatchString(p.said.String()) {
			t.Errorf("the log lacks %s:\n%s", want, p.said)
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	rss := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kib, err := strconv.Atoi(string(rss[1]))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("idle daemon: %.1f MiB RSS", float64(kib)/1024)
	if kib > idleLimit<<10 {
		t.Errorf("%d KiB RSS, more than %d MiB", kib, idleLimit)
	}
	r := s.etcdward(t, "status")
	if r.code != 0 || !strings.HasPrefix(r.out, "PROTECTED") || !regexp.MustCompile(`snapshot +20.* ok `).MatchString(r.out) {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Errorf("it did not stop cleanly: %v\n%s", err, p.said)
	}
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, limit time.Duration, holds func() bool, more fmt.Stringer) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-timeout.C:
			t.Fatalf("not within %s:\n%s", limit, more)
		}
	}
}
