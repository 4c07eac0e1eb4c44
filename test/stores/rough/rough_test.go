package rough

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/bucket"
)

// TestRoughNetwork commits 500 snapshots over a network that spoils a third of all requests, each in runs that end by
// their deadline, as those of the daemon do, until the store has it. Somebody beside it reads, over a good line, each object
// as soon as it is visible.
func TestRoughNetwork(t *testing.T) {
	const count, atOnce, longest = 500, 50, 10 * time.Second
	const slack = 5 * time.Second // fifty at once, with the race detector, on two cores that others use too
	server := bucket.NewVersioned(t)
	rough := bucket.NewGateway(t, server.Server.Endpoint)
	sent := newShipments(count)
	cat, err := catalog.New(server.Open(t, rough.Endpoint), "test")
	if err != nil {
		t.Fatal(err)
	}
	watch := startWatch(t, server.Open(t, server.Server.Endpoint), sent)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	weather := &weather{random: rand.New(rand.NewPCG(seed, 1)), forward: rough.Forward, done: map[string]int{}}
	rough.SpoilBy(weather.spoil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var runs, overdue atomic.Int64
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, s := range sent {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for limit := 300 * time.Millisecond; ; limit = min(2*limit, longest) {
				late, err := s.run(ctx, cat, limit)
				runs.Add(1)
				if late > slack {
					overdue.Add(1)
				}
				if err == nil {
					return
				}
				if ctx.Err() != nil {
					t.Errorf("snapshot %s is still not stored: %v", s.manifest.ID, err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d snapshots in %d runs over %s", count, runs.Load(), rough.Requests())
	t.Logf("spoiled: %v", bucket.Requests(weather.done))
	if overdue.Load() > 0 {
		t.Errorf("%d runs of %d ended more than %s after their deadline", overdue.Load(), runs.Load(), slack)
	}
	for kind := range storms {
		if weather.done[storms[kind].name] == 0 {
			t.Errorf("no request met %q", storms[kind].name)
		}
	}
	watch.end()
	watch.look(t)
	if len(watch.seen) != 2*count+1 { // data, manifests, and the identity
		t.Errorf("%d objects are visible, want %d", len(watch.seen), 2*count+1)
	}
	wantOneVersionEach(t, server, 2*count+1)
}

// shipment is a snapshot to be committed, whose bytes stand in for sealed ones.
type shipment struct {
	manifest snapshot.Manifest
	content  []byte
}

// newShipments makes small ones and, some of them, such that are sent in one request of many MiB or in parts.
func newShipments(count int) []shipment {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	shipments := make([]shipment, count)
	for i := range shipments {
		size := 1 + i*7919%40_000
		switch i % 100 {
		case 20:
			size = 3<<20 + i
		case 70:
			size = 17<<20 + i // more than a part
		}
		content := storagetest.Content(size, byte(i))
		shipments[i] = shipment{bucket.Manifest(begin.Add(time.Duration(i)*time.Hour), int64(i+1), content), content}
	}
	return shipments
}

// run tries once, for no longer than limit, and says by how much it was late.
func (s shipment) run(ctx context.Context, cat *catalog.Catalog, limit time.Duration) (late time.Duration, err error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err = cat.Claim(ctx, s.manifest.Cluster.ID, false); err == nil {
		_, err = cat.Commit(ctx, s.manifest, bytes.NewReader(s.content))
	}
	return time.Since(begin) - limit, err
}

// weather spoils requests, by chance and at chance bytes.
type weather struct {
	forward http.Handler

	mu     sync.Mutex
	random *rand.Rand
	done   map[string]int
}

// storms are the ways in which a request is spoiled.
var storms = []struct {
	name string
	blow func(w *weather, out http.ResponseWriter, r *http.Request, at int64)
}{
	{"500", refuse(http.StatusInternalServerError, "InternalError")},
	{"503", refuse(http.StatusServiceUnavailable, "SlowDown")},
	{"429", refuse(http.StatusTooManyRequests, "TooManyRequests")},
	{"200 with an error", refuse(http.StatusOK, "InternalError")},
	{"request cut", func(w *weather, out http.ResponseWriter, r *http.Request, at int64) {
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, at), broken{}))
		w.forward.ServeHTTP(out, r)
		panic(http.ErrAbortHandler)
	}},
	{"reply cut", func(w *weather, out http.ResponseWriter, r *http.Request, at int64) {
		w.replyInPart(out, r, at)
		panic(http.ErrAbortHandler)
	}},
	{"request stalled", func(_ *weather, _ http.ResponseWriter, r *http.Request, at int64) {
		_, _ = io.CopyN(io.Discard, r.Body, at)
		doldrums(r.Context())
		panic(http.ErrAbortHandler)
	}},
	{"reply stalled", func(w *weather, out http.ResponseWriter, r *http.Request, at int64) {
		w.replyInPart(out, r, at)
		doldrums(r.Context())
		panic(http.ErrAbortHandler)
	}},
	{"late", func(w *weather, _ http.ResponseWriter, r *http.Request, _ int64) {
		// It reaches the store once nobody waits for it any more.
		body, err := io.ReadAll(r.Body)
		if err == nil {
			doldrums(r.Context())
			r = r.Clone(context.WithoutCancel(r.Context()))
			r.Body = io.NopCloser(bytes.NewReader(body))
			w.forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}},
}

func (w *weather) spoil(out http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	storm, at := w.random.IntN(2*len(storms)), w.random.Int64N(max(r.ContentLength, 2000))
	if storm < len(storms) && w.random.IntN(3) > 0 {
		w.done[storms[storm].name]++
	} else {
		storm = len(storms)
	}
	w.mu.Unlock()
	if storm == len(storms) {
		return false
	}
	storms[storm].blow(w, out, r, at)
	return true
}

// refuse answers in the place of the store.
func refuse(status int, code string) func(*weather, http.ResponseWriter, *http.Request, int64) {
	return func(_ *weather, out http.ResponseWriter, r *http.Request, at int64) {
		_, _ = io.CopyN(io.Discard, r.Body, at)
		out.Header().Set("Content-Type", "application/xml")
		out.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = fmt.Fprintf(out, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>rough</Message></Error>`, code)
		}
	}
}

// replyInPart lets the store do what is asked, and passes the head and some bytes of its answer on, or nothing.
func (w *weather) replyInPart(out http.ResponseWriter, r *http.Request, at int64) {
	answer := httptest.NewRecorder()
	w.forward.ServeHTTP(answer, r)
	if at%2 == 0 {
		return
	}
	for key, values := range answer.Header() {
		out.Header()[key] = values
	}
	out.WriteHeader(answer.Code)
	body := answer.Body.Bytes()
	_, _ = out.Write(body[:min(at, int64(len(body)))])
	_ = http.NewResponseController(out).Flush()
}

// doldrums is a while in which nothing moves, or until the client has had enough.
func doldrums(ctx context.Context) {
	timer := time.NewTimer(400 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }

// watcher reads what becomes visible in a bucket, and holds it to what was sent.
type watcher struct {
	bucket storage.Bucket
	sent   map[string]shipment
	seen   map[string]bool
	stop   chan struct{}
	ended  chan struct{}
}

func startWatch(t *testing.T, read storage.Bucket, sent []shipment) *watcher {
	t.Helper()
	w := &watcher{bucket: read, sent: map[string]shipment{}, seen: map[string]bool{}, stop: make(chan struct{}), ended: make(chan struct{})}
	for _, s := range sent {
		w.sent[s.manifest.ID] = s
	}
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				w.look(t)
			}
		}
	}()
	return w
}

// end stops the watch; what is to be seen at the end is the caller's to look at.
func (w *watcher) end() {
	close(w.stop)
	<-w.ended
}

// look reads what it has not seen yet.
func (w *watcher) look(t *testing.T) {
	for obj, err := range w.bucket.List(t.Context(), "v1/") {
		if err != nil {
			t.Errorf("list: %v", err)
			return
		}
		if w.seen[obj.Key] {
			continue
		}
		w.seen[obj.Key] = true
		if err := w.check(t, obj); err != nil {
			t.Errorf("%s: %v", obj.Key, err)
		}
	}
}

// check reads one object. Of a manifest, the data must be there by now, and whole.
func (w *watcher) check(t *testing.T, obj storage.Object) error {
	content, err := w.read(t, obj)
	if err != nil || obj.Key == "v1/test/cluster.json" {
		return err
	}
	id, kind, _ := strings.Cut(path.Base(obj.Key), ".")
	want, ok := w.sent[id]
	if !ok {
		return errors.New("nobody sent that")
	}
	if kind == "db" {
		return same(content, want.content)
	}
	m, err := snapshot.DecodeManifest(content)
	if err != nil {
		return err
	}
	if m.ID != id || m.Object.SHA256 != want.manifest.Object.SHA256 {
		return fmt.Errorf("it is another's: %+v", m)
	}
	data, err := w.read(t, storage.Object{Key: m.Object.Key, Version: m.Object.Version})
	if err != nil {
		return fmt.Errorf("it is listed, and its data is not there: %w", err)
	}
	return same(data, want.content)
}

func (w *watcher) read(t *testing.T, obj storage.Object) ([]byte, error) {
	r, err := w.bucket.Open(t.Context(), obj)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

func same(got, want []byte) error {
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes are visible that differ from the %d that were sent", len(got), len(want))
	}
	return nil
}

// wantOneVersionEach holds that nothing was written twice, and nothing hidden.
func wantOneVersionEach(t *testing.T, server bucket.Versioned, want int) {
	t.Helper()
	keys := map[string]int{}
	for _, v := range server.Versions(t) {
		keys[strings.Fields(v)[0]]++
		if strings.HasSuffix(v, "marker") {
			t.Errorf("a marker: %s", v)
		}
	}
	for key, n := range keys {
		if n != 1 {
			t.Errorf("%s was written %d times", key, n)
		}
	}
	if len(keys) != want {
		t.Errorf("the bucket holds %d keys, want %d", len(keys), want)
	}
}
