package prometheus

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
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

// Limits of what clients may cost, beside what an idle daemon has.
const (
	requests     = 10_000
	stalled      = 100
	mayGrowBytes = 24 << 20
	mayGrowFiles = 70  // 64 connections
	mayGrowRuns  = 140 // goroutines: two for each
)

// usage is what a process has of each.
type usage struct{ bytes, files, goroutines int }

func usageOf(t *testing.T, address string) usage {
	t.Helper()
	code, text := page.Get(t, "http://"+address+"/metrics")
	if code != http.StatusOK {
		t.Fatal(code)
	}
	of := func(name string) int {
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, name+" "); ok {
				n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				if err != nil {
					t.Fatal(err)
				}
				return int(n)
			}
		}
		t.Fatalf("no %s in\n%s", name, text)
		return 0
	}
	return usage{of("process_resident_memory_bytes"), of("process_open_fds"), of("go_goroutines")}
}

// TestLoad sends 10,000 requests beside 100 connections that stall, while the server of the heartbeat hangs: what that costs stays bounded, and the jobs
// are on time.
func TestLoad(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer hangs.Close()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	listen := port.Free(t, "127.0.0.1")
	s := program.On{Host: host.New(t, c, `snapshot: {schedule: "* * * * *"}`, fmt.Sprintf("metrics: {listen: %q}", listen), "heartbeat: {url: "+hangs.URL+"}")}
	p := s.Start(t, "run")
	await.Until(t, 20*time.Second, p.Said, func() bool { return strings.Contains(p.Said.String(), "metrics served") })
	before := usageOf(t, listen)
	stop := make(chan struct{})
	var stalling sync.WaitGroup
	for n := range stalled {
		stalling.Go(func() { stall(listen, n, stop) })
	}
	var asking sync.WaitGroup
	for worker := range 8 {
		asking.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: worker%2 == 0}}
			defer client.CloseIdleConnections()
			for n := range requests / 8 {
				path := []string{"/metrics", "/healthz", "/nothing", "/metrics?x=1"}[n%4]
				resp, err := client.Get("http://" + listen + path)
				if err != nil {
					t.Errorf("request %d: %v", n, err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				if cerr := resp.Body.Close(); err != nil || cerr != nil || resp.StatusCode >= 500 {
					t.Errorf("request %d: %d %v %v", n, resp.StatusCode, err, cerr)
				}
			}
		})
	}
	asking.Wait()
	during := usageOf(t, listen)
	await.Until(t, 90*time.Second, p.Said, func() bool { return strings.Contains(p.Said.String(), "job done") })
	close(stop)
	stalling.Wait()
	t.Logf("before %+v, during %+v", before, during)
	if during.bytes-before.bytes > mayGrowBytes || during.files-before.files > mayGrowFiles || during.goroutines-before.goroutines > mayGrowRuns {
		t.Errorf("before %+v, during %+v", before, during)
	}
	var after usage
	await.Until(t, 30*time.Second, &after, func() bool {
		after = usageOf(t, listen)
		return after.files-before.files < 10 && after.goroutines-before.goroutines < 20
	})
	onTime(t, p.Said.String())
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Error("no heartbeat was tried")
	}
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil { // before the server closes, which waits for the heartbeat to hang up
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it did not stop cleanly: %v", err)
	}
}

// stall connects again and again, says half a request or nothing, and waits.
func stall(address string, n int, stop <-chan struct{}) {
	pace := time.NewTicker(200 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pace.C:
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		if n%2 == 0 {
			_, _ = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost:") // it may be closed already
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // so that the end of the test is seen
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// onTime checks that each snapshot began within a second of when it was due, by the record of the jobs.
func onTime(t *testing.T, said string) {
	t.Helper()
	for line := range strings.Lines(said) {
		if !strings.Contains(line, `msg="job done" job=snapshot`) {
			continue
		}
		var at, due time.Time
		took := 0.0
		for _, field := range strings.Fields(line) {
			key, value, _ := strings.Cut(field, "=")
			var err error
			switch key {
			case "time":
				at, err = time.Parse(time.RFC3339, value)
			case "due":
				due, err = time.Parse(time.RFC3339, value)
			case "seconds":
				took, err = strconv.ParseFloat(value, 64)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if late := at.Sub(due) - time.Duration(took*float64(time.Second)); late > 2*time.Second {
			t.Errorf("a snapshot began %s late: %s", late, line)
		}
	}
}
