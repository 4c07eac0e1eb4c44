package storagetest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Front stands before an object store and spoils some of the requests that reach it: a store with the faults that real ones
// have. It speaks to S3 and to GCS alike.
type Front struct {
	// Server is the store as its clients see it: through the front.
	Server
	// Store is what answers the requests that are not spoiled. A test may put something of its own before it.
	Store http.Handler
	// operation names a request, for Break and Count.
	operation func(*http.Request) string

	mu     sync.Mutex
	seen   []string
	spoils func(*http.Request) bool
	times  int
	spoil  Spoiler
}

// Spoiler answers a request in place of the store. It may ask the store itself, through f.Store.
type Spoiler func(f *Front, w http.ResponseWriter, r *http.Request)

// BeforeS3 starts a front before an S3 server, and stops it when the test ends. Its operations are named as by S3Operation.
func BeforeS3(t *testing.T, server Server) *Front { return newFront(t, server, S3Operation, true) }

// BeforeGCS starts a front before a server that speaks as GCS does, and stops it when the test ends. Its operations are named
// as by GCSOperation.
func BeforeGCS(t *testing.T, server Server) *Front { return newFront(t, server, GCSOperation, false) }

// newFront keeps the host that a request names where the request is signed with it.
func newFront(t *testing.T, server Server, operation func(*http.Request) string, keepHost bool) *Front {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	f := &Front{Server: server, operation: operation}
	front := httptest.NewServer(f)
	t.Cleanup(front.Close)
	f.Endpoint = front.URL
	f.Store = &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if keepHost {
				r.Out.Host = r.In.Host
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if at := r.Header.Get("Location"); at != "" {
				r.Header.Set("Location", strings.Replace(at, server.Endpoint, front.URL, 1))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return f
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, f.operation(r))
	var spoil Spoiler
	if f.times > 0 && f.spoils(r) {
		f.times--
		spoil = f.spoil
	}
	f.mu.Unlock()
	if spoil != nil {
		spoil(f, w, r)
		return
	}
	f.Store.ServeHTTP(w, r)
}

// Break forgets what was seen, and spoils from now on the first times requests of an operation. "": of every one.
func (f *Front) Break(operation string, times int, how Spoiler) {
	f.breakWhere(times, how, func(r *http.Request) bool { return operation == "" || f.operation(r) == operation })
}

// BreakQuery spoils from now on every request that has a parameter in its query.
func (f *Front) BreakQuery(parameter string, how Spoiler) {
	f.breakWhere(1<<30, how, func(r *http.Request) bool { return r.URL.Query().Has(parameter) })
}

// Mend ends what Break began, and forgets what was seen.
func (f *Front) Mend() { f.breakWhere(0, nil, nil) }

func (f *Front) breakWhere(times int, how Spoiler, spoils func(*http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen, f.times, f.spoil, f.spoils = nil, times, how, spoils
}

// Count is how many requests of an operation came since the last Break or Mend. "": of all.
func (f *Front) Count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, name := range f.seen {
		if operation == "" || name == operation {
			n++
		}
	}
	return n
}

// S3Operation names a request to an S3 server: as S3 does where it has a name of one word, else by its method.
func S3Operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Has("versioning"), q.Has("object-lock"), q.Has("lifecycle"), q.Has("publicAccessBlock"):
		for name := range q {
			if name != "x-id" {
				return r.Method + " " + name
			}
		}
	case q.Has("delete"):
		return "DeleteObjects"
	case q.Has("uploads") && r.Method == http.MethodPost:
		return "CreateMultipartUpload"
	case q.Has("uploads"):
		return "ListMultipartUploads"
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

// GCSOperation names a request to a server that speaks as GCS does.
func GCSOperation(r *http.Request) string {
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
