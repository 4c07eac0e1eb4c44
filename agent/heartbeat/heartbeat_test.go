package heartbeat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/test/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "t0ken"

// journal collects what a sender did.
type journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	count map[string]int
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) counted(kind, result string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count[kind+" "+result]++
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprint(j.count, j.text.String())
}

func (j *journal) of(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count[what]
}

// start runs a sender with short pauses until the test ends. It waits for an answer for longer than a busy machine needs.
func start(t *testing.T, success, failure string) (*Sender, *journal) {
	t.Helper()
	return startWith(t, success, failure, 10*time.Second)
}

// startWith is start of a sender that waits for an answer for so long.
func startWith(t *testing.T, success, failure string, timeout time.Duration) (*Sender, *journal) {
	t.Helper()
	j := &journal{count: map[string]int{}}
	s := New(success, failure, slog.New(slog.NewTextHandler(j, nil)), j.counted)
	s.pause, s.client.Timeout = time.Millisecond, timeout
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s, j
}

// server answers with handler and collects the requests as "METHOD path body".
func server(t *testing.T, handler http.HandlerFunc) (url string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		all = append(all, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
		mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/" + token, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, all...)
	}
}

func well(http.ResponseWriter, *http.Request) {}

func TestMessages(t *testing.T) {
	t.Parallel()
	url, asked := server(t, well)
	s, j := start(t, url, "")
	s.Proven("20261122T100000Z-1")
	await.Until(t, 5*time.Second, j, func() bool { return j.of("success sent") == 1 })
	s.Proven("20261122T100000Z-1") // in the second store
	s.Failed(errors.New("no store has it"))
	await.Until(t, 5*time.Second, j, func() bool { return j.of("failure sent") == 1 })
	s.Proven("20261122T110000Z-2")
	await.Until(t, 5*time.Second, j, func() bool { return j.of("success sent") == 2 })
	want := "GET /t0ken,POST /t0ken/fail no store has it,GET /t0ken"
	if got := strings.Join(asked(), ","); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func TestFailureURL(t *testing.T) {
	t.Parallel()
	url, asked := server(t, well)
	s, j := start(t, url, url+"/broken")
	s.Failed(errors.New(strings.Repeat("é", mostReason)))
	await.Until(t, 5*time.Second, j, func() bool { return j.of("failure sent") == 1 })
	if got := asked()[0]; !strings.HasPrefix(got, "POST /t0ken/broken é") || len(got) > mostReason+40 || !strings.HasSuffix(got, "é") {
		t.Errorf("%d bytes: %.60s", len(got), got)
	}
}

// TestTrouble checks for each kind of server that does not do its part that nobody waits for it, that it is given up after a bounded number of
// attempts, and that the URL is never told.
func TestTrouble(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere, reached := server(t, well)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		tries   int
		says    string
	}{
		"hangs":       {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, attempts, "no answer within"},
		"answers 500": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, attempts, "the server answers 500"},
		"answers 404": {http.NotFound, attempts, "the server answers 404"},
		"redirects away": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(elsewhere, "127.0.0.1", "localhost", 1), http.StatusFound)
		}, 1, "redirects elsewhere"},
		"redirects for ever": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, mostMoves + 1, "redirects elsewhere"},
		"hangs up":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, attempts, "EOF"},
		"never ends": {func(w http.ResponseWriter, r *http.Request) { endless(w, r) }, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := server(t, c.handler)
			timeout := 10 * time.Second
			if name == "hangs" {
				timeout = time.Second
			}
			s, j := startWith(t, url, "", timeout)
			begun := time.Now()
			s.Proven("one")
			if took := time.Since(begun); took >= timeout {
				t.Errorf("the caller waited %s", took)
			}
			if c.says == "" {
				await.Until(t, 10*time.Second, j, func() bool { return j.of("success sent")+j.of("success failed") == 1 })
				return
			}
			await.Until(t, 20*time.Second, j, func() bool { return j.of("success failed") == 1 })
			if !strings.Contains(j.String(), c.says) || strings.Contains(j.String(), token) {
				t.Errorf("the log says %s", j)
			}
			if got := len(asked()); got != c.tries {
				t.Errorf("%d requests, want %d", got, c.tries)
			}
		})
	}
	t.Run("refuses", func(t *testing.T) {
		s, j := start(t, "http://"+closed.Addr().String()+"/"+token, "")
		s.Proven("one")
		await.Until(t, 20*time.Second, j, func() bool { return j.of("success failed") == 1 })
		if !strings.Contains(j.String(), "refused") || strings.Contains(j.String(), token) {
			t.Errorf("the log says %s", j)
		}
	})
	if got := reached(); len(got) != 0 {
		t.Errorf("another host got %v", got)
	}
}

// endless answers with more than anybody reads.
func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 1<<10)); err != nil {
			return
		}
	}
}

// TestRecovers checks that a server which is away for two attempts gets the message in the third.
func TestRecovers(t *testing.T) {
	t.Parallel()
	n := 0
	url, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n < 3 {
			w.WriteHeader(503)
		}
	})
	s, j := start(t, url, "")
	s.Proven("one")
	await.Until(t, 5*time.Second, j, func() bool { return j.of("success sent") == 1 })
}

// TestNewest checks that a message which cannot be sent makes room for a newer one, so that no backlog grows.
func TestNewest(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	url, asked := server(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/fail") {
			<-release
			w.WriteHeader(500)
		}
	})
	s, j := start(t, url, "")
	s.Failed(errors.New("first"))
	await.Until(t, 5*time.Second, j, func() bool { return len(asked()) > 0 })
	for range 1000 {
		s.Failed(errors.New("again"))
	}
	s.Proven("one")
	close(release)
	await.Until(t, 10*time.Second, j, func() bool { return j.of("success sent") == 1 })
	if got := j.of("failure dropped"); got != 1001 {
		t.Errorf("%d messages made room, want 1001", got)
	}
}

// TestRestart checks that what was cut short by a reload is sent after it.
func TestRestart(t *testing.T) {
	t.Parallel()
	var gate sync.Mutex
	gate.Lock()
	url, asked := server(t, func(http.ResponseWriter, *http.Request) { gate.Lock(); defer gate.Unlock() })
	j := &journal{count: map[string]int{}}
	s := New(url, "", slog.New(slog.NewTextHandler(j, nil)), j.counted)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	s.Proven("one")
	await.Until(t, 5*time.Second, j, func() bool { return len(asked()) > 0 })
	cancel()
	<-ended
	gate.Unlock()
	ctx, cancel = context.WithCancel(t.Context())
	ended = make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	await.Until(t, 5*time.Second, j, func() bool { return j.of("success sent") == 1 })
	cancel()
	<-ended
}
