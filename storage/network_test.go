package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/port"
)

// through asks for a page by a proxy, and gives the error.
func through(t *testing.T, proxy, page string) error {
	t.Helper()
	at, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at), DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err == nil {
		_ = answer.Body.Close()
		t.Fatalf("%s by %s: got an answer", page, proxy)
	}
	return err
}

// refusing is a proxy that lets nobody through.
func refusing(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return server.URL
}

// TestNetworkCause meets the faults of the way to a store, most of them on a real one.
func TestNetworkCause(t *testing.T) {
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	dial := func(address string, timeout time.Duration) error {
		conn, err := (&net.Dialer{Timeout: timeout}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	silent, err := net.Dial("tcp", storagetest.Deaf(t))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := silent.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, stalled := silent.Read(make([]byte, 1))
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 9000}, Err: err}
	}
	for name, test := range map[string]struct {
		err       error
		says, try string
		kind      error
	}{
		"proxy away":             {through(t, "http://"+port.Free(t, "127.0.0.1"), "https://store.example/"), "proxy on the way to the store cannot be reached", "NO_PROXY", storage.ErrAway},
		"proxy wants password":   {through(t, refusing(t, 407), "https://store.example/"), "demands a password", "HTTPS_PROXY", storage.ErrSetup},
		"proxy forbids":          {through(t, refusing(t, 403), "https://store.example/"), "does not let etcdward through", "what the proxy allows", nil},
		"proxy cannot get there": {through(t, refusing(t, 502), "https://store.example/"), "does not let etcdward through", "what the proxy allows", nil},
		"nobody listens":         {dial(port.Free(t, "127.0.0.1"), time.Second), "nobody listens at 127.0.0.1", "port", storage.ErrAway},
		"no time to connect":     {dial("203.0.113.1:9", time.Nanosecond), "203.0.113.1:9 does not answer", "firewalls", storage.ErrAway},
		"stalled":                {stalled, "stopped answering", "overloaded", nil},
		"no route":               {op(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "no route leads to 10.1.2.3:9000", "network of this host", storage.ErrAway},
		"no network":             {op(os.NewSyscallError("connect", syscall.ENETUNREACH)), "no route leads to 10.1.2.3:9000", "network of this host", storage.ErrAway},
		"reset":                  {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "broke off", "proxy or a load balancer", nil},
		"ended":                  {&url.Error{Op: "Get", URL: "x", Err: io.EOF}, "broke off", "proxy or a load balancer", nil},
		"no such name":           {op(&net.DNSError{Err: "no such host", Name: "s3.example", IsNotFound: true}), `there is no host "s3.example"`, "endpoint", storage.ErrSetup},
		"no name server":         {op(&net.DNSError{Err: "server misbehaving", Name: "s3.example", IsTemporary: true}), `no address of "s3.example"`, "resolv.conf", storage.ErrAway},
		"too many files":         {op(os.NewSyscallError("socket", syscall.EMFILE)), "too many files open", "restart", nil},
	} {
		cause := storage.NetworkCause(fmt.Errorf("request: %w", test.err))
		if cause == nil {
			t.Errorf("%s: %v is not recognised", name, test.err)
			continue
		}
		if !strings.Contains(cause.Error(), test.says) || !strings.Contains(cause.Hint(), test.try) || cause.Kind != test.kind {
			t.Errorf("%s: got %q, try %q, of the kind %v; want %q, %q, %v", name, cause, cause.Hint(), cause.Kind, test.says, test.try, test.kind)
		}
		if permanent := storage.Permanent(test.err); permanent != (test.kind == storage.ErrSetup) {
			t.Errorf("%s: permanent is %v", name, permanent)
		}
	}
	<-soon.Done()
	for _, err := range []error{nil, errors.New("odd"), soon.Err()} {
		if cause := storage.NetworkCause(err); cause != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v passes for %v", err, cause)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "two\nlines\tand tabs": "two lines and tabs", "\x1b[31mred": "?[31mred", "\xff": "?", "right\u202eleft": "right?left", "12345678901234567890x": "12345678901234567890…",
	} {
		if got := storage.Printable(text, 20); got != want {
			t.Errorf("Printable(%q): got %q, want %q", text, got, want)
		}
	}
}

func TestPageOf(t *testing.T) {
	for body, want := range map[string]string{
		"<!DOCTYPE html><title> Sign\n in </title>": `a page of HTML, "Sign  in"`, "<HTML>": "a page of HTML", "  <html><title></title>": "a page of HTML", "<ListBucketResult/>": "", "": "",
		"<html><title>\x1b]0;x</title>": `a page of HTML, "?]0;x"`,
	} {
		if got := storage.PageOf("", []byte(body)); got != want {
			t.Errorf("PageOf(%q): got %q, want %q", body, got, want)
		}
	}
	if got := storage.PageOf("text/html; charset=utf-8", nil); got != "a page of HTML" {
		t.Errorf("PageOf an empty page: got %q", got)
	}
}

// TestLazyHidesMissingFiles keeps a file that is missing while a bucket is opened from passing for an object that is missing.
func TestLazyHidesMissingFiles(t *testing.T) {
	lazy := storage.NewLazy(func(context.Context) (storage.Bucket, error) {
		return nil, fmt.Errorf("read secret: %w", os.ErrNotExist)
	})
	_, err := lazy.Open(t.Context(), storage.Object{Key: "key"})
	if err == nil || errors.Is(err, os.ErrNotExist) || !errors.Is(err, storage.ErrSetup) || !strings.Contains(err.Error(), "read secret") {
		t.Errorf("Open: got error %v, want one that is no fs.ErrNotExist", err)
	}
}
