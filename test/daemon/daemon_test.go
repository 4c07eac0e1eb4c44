package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/page"
	"github.com/etcdward/etcdward/test/port"
	"github.com/etcdward/etcdward/test/program"
)

// idleLimit is what an idle daemon may hold, in MiB.
const idleLimit = 45

// resident is the memory of a process, in KiB.
func resident(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	rss := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if rss == nil {
		t.Fatalf("process %d has no memory:\n%s", pid, status)
	}
	kib, err := strconv.Atoi(string(rss[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

// memory says how much an idle daemon holds that holds too much.
type memory struct{ kib *int }

func (m memory) String() string {
	return fmt.Sprintf("%d KiB RSS, more than %d MiB", *m.kib, idleLimit)
}

// TestDaemon runs the real binary until its schedule took a snapshot, looks at its memory, and stops it.
func TestDaemon(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 300)
	listen, textfile := port.Free(t, "127.0.0.1"), filepath.Join(t.TempDir(), "etcdward.prom")
	s := program.On{Host: host.New(t, c, `snapshot: {schedule: "* * * * *"}`, fmt.Sprintf("metrics: {listen: %q, textfile: %s}", listen, textfile))}
	p := s.Start(t, "run")
	// Another job, compaction, may be due in the same minutes.
	await.Until(t, 90*time.Second, p.Said, func() bool { return strings.Contains(p.Said.String(), `msg="job done" job=snapshot due=`) })
	for _, want := range []string{`msg="etcdward started"`, `msg="job scheduled" job=drill`, `msg="job scheduled" job=defrag`, `msg="snapshot proven".*role=follower`, `msg="job done" job=snapshot due=`} {
		if !regexp.MustCompile(want).MatchString(p.Said.String()) {
			t.Errorf("the log lacks %s:\n%s", want, p.Said)
		}
	}
	await.Until(t, 20*time.Second, "/readyz", func() bool { code, _ := page.Get(t, "http://"+listen+"/readyz"); return code == 200 })
	ran := regexp.MustCompile(`etcdward_job_runs_total\{cluster="test",result="ok",task="snapshot"\} [1-9]`) // the next one may have come
	for range 100 {                                                                                          // a scrape every 15 seconds for 25 minutes
		if code, text := page.Get(t, "http://"+listen+"/metrics"); code != 200 || !ran.MatchString(text) {
			t.Fatalf("%d\n%s", code, text)
		}
	}
	await.Until(t, time.Minute, textfile+" with the time at which the daemon was alive", func() bool {
		text, err := os.ReadFile(textfile)
		return err == nil && strings.Contains(string(text), "etcdward_alive_timestamp_seconds")
	})
	// What a run and the answers took goes back once nobody asks.
	kib := 0
	await.Until(t, 30*time.Second, memory{&kib}, func() bool {
		kib = resident(t, p.Cmd.Process.Pid)
		return kib <= idleLimit<<10
	})
	t.Logf("idle daemon: %.1f MiB RSS", float64(kib)/1024)
	r := s.Run(t, "status")
	if r.Code != 0 || !strings.HasPrefix(r.Out, "PROTECTED") || !regexp.MustCompile(`snapshot +ok +20`).MatchString(r.Out) {
		t.Errorf("exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it did not stop cleanly: %v\n%s", err, p.Said)
	}
}
