package s3

import (
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

	mu    sync.Mutex
	seen  []string
	spoil func(p *proxy, w http.ResponseWriter, r *http.Request) bool
}

// quick is tuning for tests that go through retries.
func quick() tuning {
	t := defaults
	t.partSize = 5 << 20
	t.pause = time.Millisecond
	return t
}

// newProxy makes a bucket and a proxy to it.
func newProxy(t *testing.T, server storagetest.Server, kind bucketKind) *proxy {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p := &proxy{Options: newBucket(t, server, kind)}
	p.forward = &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	p.Endpoint = front.URL
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, operation(r))
	spoil := p.spoil
	p.mu.Unlock()
	if spoil == nil || !spoil(p, w, r) {
		p.forward.ServeHTTP(w, r)
	}
}

// begin forgets what was seen, and spoils from now on the first times requests of an operation.
func (p *proxy) begin(name string, times int, how func(p *proxy, w http.ResponseWriter, r *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = nil
	p.spoil = func(p *proxy, w http.ResponseWriter, r *http.Request) bool {
		p.mu.Lock()
		spoiled := operation(r) == name && times > 0
		if spoiled {
			times--
		}
		p.mu.Unlock()
		if spoiled {
			how(p, w, r)
		}
		return spoiled
	}
}

// count is how many requests of an operation came.
func (p *proxy) count(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, s := range p.seen {
		if s == name {
			n++
		}
	}
	return n
}

// operation names a request.
func operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Has("versioning"):
		return r.Method + " versioning"
	case q.Has("delete"):
		return "DeleteObjects"
	case q.Has("uploads") && r.Method == http.MethodPost:
		return "CreateMultipartUpload"
	case q.Has("uploadId") && r.Method == http.MethodPost:
		return "CompleteMultipartUpload"
	case q.Has("uploadId") && r.Method == http.MethodPut:
		return "UploadPart"
	case q.Has("uploadId") && r.Method == http.MethodDelete:
		return "AbortMultipartUpload"
	case q.Has("versions"):
		return "ListObjectVersions"
	case q.Get("list-type") == "2":
		return "ListObjectsV2"
	case strings.Count(strings.Trim(r.URL.Path, "/"), "/") > 0:
		return r.Method + " object"
	}
	return r.Method + " bucket"
}

// answer is a spoiler that says so itself.
func answer(status int, code, message string) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(_ *proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>`+code+`</Code><Message>`+message+`</Message></Error>`)
		}
	}
}

// document is a spoiler that answers with XML.
func document(text string) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(_ *proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+text)
	}
}

// loseReply does what is asked and closes the connection without an answer.
func loseReply(p *proxy, _ http.ResponseWriter, r *http.Request) {
	p.forward.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cutAfter sends some bytes of the answer's body and closes the connection.
func cutAfter(bytes int) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		sendPart(p, w, r, bytes)
		panic(http.ErrAbortHandler)
	}
}

// stallAfter sends some bytes of the answer's body and then nothing, until the client
// has had enough.
func stallAfter(bytes int) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		sendPart(p, w, r, bytes)
		<-r.Context().Done()
	}
}

func sendPart(p *proxy, w http.ResponseWriter, r *http.Request, bytes int) {
	recorder := httptest.NewRecorder()
	p.forward.ServeHTTP(recorder, r)
	for key, values := range recorder.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes()[:min(bytes, recorder.Body.Len())])
	_ = http.NewResponseController(w).Flush()
}

// loseReplyAnd is loseReply after something else.
func loseReplyAnd(do func()) func(*proxy, http.ResponseWriter, *http.Request) {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		do()
		loseReply(p, w, r)
	}
}

// spoilQuery spoils from now on the requests with a parameter.
func (p *proxy) spoilQuery(parameter string, how func(p *proxy, w http.ResponseWriter, r *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = func(p *proxy, w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has(parameter) {
			return false
		}
		how(p, w, r)
		return true
	}
}
