package listener

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// pages is one page, "/page".
func pages() map[string]http.Handler {
	return map[string]http.Handler{"/page": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "text") })}
}

// start runs a listener until the test ends, and returns when it listens.
func start(t testing.TB, l *Listener) *lines {
	t.Helper()
	said := &lines{}
	l.Log = slog.New(slog.NewTextHandler(said, nil))
	if l.Address == "" {
		l.Address = port.Free(t, "127.0.0.1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	await.Until(t, 10*time.Second, said, func() bool { return strings.Contains(said.String(), "metrics served") })
	return said
}

// raw sends the text of a request, and returns the whole answer.
func raw(t testing.TB, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatal(err)
	}
	return string(answer)
}

func TestGuard(t *testing.T) {
	t.Parallel()
	l := &Listener{Pages: pages()}
	start(t, l)
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	const end = "Connection: close\r\n\r\n"
	for request, want := range map[string]string{
		"GET /page HTTP/1.1\r\nHost: localhost:9479\r\n" + end:                             "200",
		"HEAD /page HTTP/1.1\r\nHost: 127.0.0.1\r\n" + end:                                 "200",
		"GET /page HTTP/1.1\r\nHost: [::1]:9479\r\n" + end:                                 "200",
		"GET /page HTTP/1.1\r\nHost: " + own + "\r\n" + end:                                "200",
		"GET /page?q=1 HTTP/1.1\r\nHost: localhost\r\n" + end:                              "200",
		"GET /page HTTP/1.1\r\nHost: rebound.example.com\r\n" + end:                        "403",
		"GET /page/ HTTP/1.1\r\nHost: localhost\r\n" + end:                                 "404",
		"GET /../page HTTP/1.1\r\nHost: localhost\r\n" + end:                               "404",
		"GET /%70age HTTP/1.1\r\nHost: localhost\r\n" + end:                                "200",
		"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + end:            "405",
		"DELETE /page HTTP/1.1\r\nHost: localhost\r\n" + end:                               "405",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" + end:                                  "405",
		"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n" + end:                        "405",
		"TRACE /page HTTP/1.1\r\nHost: localhost\r\n" + end:                                "405",
		"GET /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n" + end + "text":    "413",
		"GET /page HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + end:    "413",
		"GET /page HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 16<<10) + end: "431",
		"GET /page HTTP/1.1\r\nHost: localhost\r\n broken \x00\r\n" + end:                  "400",
		"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n":                                             "400",
		"PRI * HTTP/2.0\r\n\r\n":                                                           "405",
	} {
		answer := raw(t, l.Address, request)
		if !strings.HasPrefix(answer, "HTTP/1.1 "+want) {
			t.Errorf("%.60q is answered with %.60q, not %s", request, answer, want)
			continue
		}
		if want == "400" || want == "431" {
			continue // by net/http itself
		}
		for name, value := range headers {
			if !strings.Contains(answer, "\r\n"+name+": "+value+"\r\n") {
				t.Errorf("%.60q is answered without %s", request, name)
			}
		}
	}
	if body := raw(t, l.Address, "HEAD /page HTTP/1.1\r\nHost: localhost\r\n"+end); strings.Contains(body, "text\n") || strings.HasSuffix(body, "text") {
		t.Errorf("HEAD has a body: %q", body)
	}
}

// TestStalled checks that clients which connect and say nothing, or half a request, keep nobody out and are cut off.
func TestStalled(t *testing.T) {
	t.Parallel()
	l := &Listener{Pages: pages()}
	start(t, l)
	var stalled []net.Conn
	for n := range 3 * connections {
		conn, err := net.Dial("tcp", l.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if n%2 == 0 {
			if _, err := io.WriteString(conn, "GET /page HTTP/1.1\r\nHo"); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatal(err)
			}
		}
		stalled = append(stalled, conn)
	}
	begun := time.Now()
	for range 20 {
		if answer := raw(t, l.Address, "GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(answer, "text") {
			t.Fatalf("answered with %q", answer)
		}
	}
	if took := time.Since(begun); took > headerLimit/2 {
		t.Errorf("20 requests beside stalled connections took %s", took)
	}
	for n, conn := range stalled {
		if err := conn.SetReadDeadline(time.Now().Add(2 * headerLimit)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil && os.IsTimeout(err) {
			t.Fatalf("connection %d stays open", n)
		}
	}
}

// TestAddressInUse checks that a port which is taken is told once, and used when it is free.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	address := port.Free(t, "127.0.0.1")
	other, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	said := &lines{}
	l := &Listener{Address: address, Pages: pages(), Retry: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(said, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	await.Until(t, 10*time.Second, said, func() bool { return strings.Contains(said.String(), "address already in use") })
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, 10*time.Second, said, func() bool { return strings.Contains(said.String(), "metrics served") })
	if n := strings.Count(said.String(), "not served"); n != 1 {
		t.Errorf("told %d times:\n%s", n, said)
	}
}

// authority signs certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue writes a certificate with a serial number and its key to two files.
func (a authority) issue(t *testing.T, serial int64, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLS checks that nothing is said in the clear, that a renewed certificate is used from the next connection on, that half a renewal does no
// harm, and that without a certificate of the right authority nobody gets in.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, ca := filepath.Join(dir, "cert"), filepath.Join(dir, "key"), filepath.Join(dir, "ca")
	trusted := newAuthority(t)
	trusted.issue(t, 7, cert, key)
	if err := os.WriteFile(ca, trusted.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	l := &Listener{Pages: pages(), TLS: &Files{Cert: cert, Key: key, ClientCA: ca}}
	start(t, l)
	own, stranger := filepath.Join(dir, "own"), filepath.Join(dir, "stranger")
	trusted.issue(t, 100, own, own+".key")
	newAuthority(t).issue(t, 101, stranger, stranger+".key")
	roots := x509.NewCertPool()
	roots.AddCert(trusted.cert)
	ask := func(file string) (serial int64, err error) {
		cfg := &tls.Config{RootCAs: roots, ServerName: "localhost"}
		if file != "" {
			pair, err := tls.LoadX509KeyPair(file, file+".key")
			if err != nil {
				t.Fatal(err)
			}
			cfg.Certificates = []tls.Certificate{pair}
		}
		transport := &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get("https://" + l.Address + "/page")
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "text" {
			t.Errorf("%s %q %v", resp.Status, text, err)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if serial, err := ask(own); err != nil || serial != 7 {
		t.Fatalf("serial %d, %v", serial, err)
	}
	for _, file := range []string{"", stranger} {
		if _, err := ask(file); err == nil {
			t.Errorf("a client with the certificate %q gets in", file)
		}
	}
	if answer := raw(t, l.Address, "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"); strings.HasSuffix(answer, "text") {
		t.Error("it answers in the clear")
	}
	if err := os.WriteFile(cert, []byte("half a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serial, err := ask(own); err != nil || serial != 7 {
		t.Errorf("after half a renewal: serial %d, %v", serial, err)
	}
	trusted.issue(t, 8, cert, key)
	if serial, err := ask(own); err != nil || serial != 8 {
		t.Errorf("after a renewal: serial %d, %v", serial, err)
	}
}

// FuzzRequest checks that no request makes it panic or fail.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: \r\n\r\n", "get page", "GET http://[::1/ HTTP/1.0\r\n\r\n",
		"GET //page?%zz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n"} {
		f.Add([]byte(seed))
	}
	l := &Listener{Pages: pages()}
	start(f, l)
	f.Fuzz(func(t *testing.T, request []byte) {
		conn, err := net.Dial("tcp", l.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(request); err != nil {
			return // it hung up on the rest
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return
		}
		answer, _ := io.ReadAll(conn)
		if status := regexp.MustCompile(`^HTTP/1\.[01] 5(\d\d)`).FindSubmatch(answer); status != nil && string(status[1]) != "01" && string(status[1]) != "05" {
			t.Errorf("%q is answered with %q", request, answer) // 501 and 505 are net/http's words for a coding and a version that it does not speak
		}
	})
}
