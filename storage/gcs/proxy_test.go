package gcs

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// proxy stands before a test server and spoils some requests.
type proxy struct {
	// Options lead through the proxy to a bucket of the server.
	Options
	forward http.Handler

	mu        sync.Mutex
	seen      []string
	operation string
	times     int
	how       spoiler
}

// spoiler answers a request in place of the server.
type spoiler func(p *proxy, w http.ResponseWriter, r *http.Request)

// quick is tuning for tests that go through retries.
func quick() tuning {
	t := defaults
	t.chunk = 1 << 20
	t.pause = time.Millisecond
	return t
}

// newProxy makes a bucket and a proxy to it.
func newProxy(t *testing.T, server storagetest.Server) *proxy {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p := &proxy{Options: newBucket(t, server, true)}
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	p.forward = &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if at := r.Header.Get("Location"); at != "" {
				r.Header.Set("Location", strings.Replace(at, server.Endpoint, front.URL, 1))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.Endpoint = front.URL
	return p
}

// begin forgets what was seen, and spoils from now on the first times requests of an operation.
func (p *proxy) begin(operation string, times int, how spoiler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.operation, p.times, p.how = nil, operation, times, how
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	name := operation(r)
	p.seen = append(p.seen, name)
	how := p.how
	if name != p.operation || p.times == 0 {
		how = (*proxy).pass
	} else {
		p.times--
	}
	p.mu.Unlock()
	how(p, w, r)
}

func (p *proxy) pass(w http.ResponseWriter, r *http.Request) { p.forward.ServeHTTP(w, r) }

// count is how many requests of an operation came.
func (p *proxy) count(operation string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, name := range p.seen {
		if name == operation {
			n++
		}
	}
	return n
}

// operation names a request.
func operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Get("uploadType") == "multipart":
		return "upload"
	case q.Has("upload_id"), r.Method == http.MethodPut:
		return "chunk"
	case q.Get("uploadType") == "resumable":
		return "begin upload"
	case q.Get("alt") == "media":
		return "read"
	case strings.HasSuffix(r.URL.Path, "/o"):
		return "list"
	case strings.Contains(r.URL.Path, "/o/"):
		return r.Method + " object"
	}
	return r.Method + " bucket"
}

// answer is a spoiler that says so itself.
func answer(status int, reason, message string) spoiler {
	return func(_ *proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":{"message":"`+message+`","errors":[{"reason":"`+reason+`","message":"`+message+`"}]}}`)
	}
}

// document is a spoiler that answers with JSON.
func document(text string) spoiler {
	return func(_ *proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

// loseReply does what is asked and closes the connection without an answer.
func loseReply(p *proxy, _ http.ResponseWriter, r *http.Request) {
	p.pass(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// damage changes the last byte of what is sent: an error on the way that no checksum of
// the connection caught.
func damage(offset int) spoiler {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		body[len(body)-1-offset]++
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.pass(w, r)
	}
}

// cutAfter sends some bytes of the answer's body and closes the connection.
func cutAfter(bytes int) spoiler {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		sendPart(p, w, r, bytes)
		panic(http.ErrAbortHandler)
	}
}

// stallAfter sends some bytes of the answer's body and then nothing.
func stallAfter(bytes int) spoiler {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		sendPart(p, w, r, bytes)
		<-r.Context().Done()
	}
}

func sendPart(p *proxy, w http.ResponseWriter, r *http.Request, bytes int) {
	recorder := httptest.NewRecorder()
	p.pass(recorder, r)
	for key, values := range recorder.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes()[:min(bytes, recorder.Body.Len())])
	_ = http.NewResponseController(w).Flush()
}
