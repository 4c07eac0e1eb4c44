package bucket

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Gateway stands between etcdward and an S3 server: it counts the requests, and may spoil some.
type Gateway struct {
	Endpoint string
	// Forward hands a request to the server.
	Forward http.Handler

	mu   sync.Mutex
	seen map[string]int
	// spoil reports whether it has answered a request itself; nil: it spoils none.
	spoil func(w http.ResponseWriter, r *http.Request) bool
}

// NewGateway is one before the server at an endpoint. It ends with the test.
func NewGateway(t *testing.T, endpoint string) *Gateway {
	t.Helper()
	server, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	g := &Gateway{seen: map[string]int{}, Forward: &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)
	g.Endpoint = front.URL
	return g
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.seen[operation(r)]++
	spoil := g.spoil
	g.mu.Unlock()
	if spoil == nil || !spoil(w, r) {
		g.Forward.ServeHTTP(w, r)
	}
}

// SpoilBy spoils requests from now on.
func (g *Gateway) SpoilBy(spoil func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spoil = spoil
}

// Requests returns the number of requests of each kind since it was asked last.
func (g *Gateway) Requests() Requests {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := g.seen
	g.seen = map[string]int{}
	return seen
}

// Requests counts them by their kind.
type Requests map[string]int

func (r Requests) String() string {
	var parts []string
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(r)) {
		parts = append(parts, fmt.Sprintf("%d %s", r[kind], kind))
		total += r[kind]
	}
	return fmt.Sprintf("%d requests: %s", total, strings.Join(parts, ", "))
}

// operation names the kind of a request.
func operation(r *http.Request) string {
	query := r.URL.Query()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case query.Has("delete"):
		return "DeleteObjects"
	case query.Has("versioning"):
		return r.Method + " versioning"
	case query.Has("versions"):
		return "ListObjectVersions"
	case query.Has("uploads"):
		return r.Method + " uploads"
	case query.Has("uploadId"):
		return r.Method + " upload"
	case key == "":
		return "ListObjectsV2"
	}
	return r.Method + " object"
}
