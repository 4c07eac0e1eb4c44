// Package apiserver runs a real kube-apiserver, and kubectl against it, for tests.
//
// It knows nothing of what is applied. Its invariant: the server listens on 127.0.0.1 alone, and ends with the test, even if
// the test binary is killed.
package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

// Release is the minor release 1.N of the server, and its whole name.
const (
	Release = 34
	Version = "v1.34.3"
)

const (
	token    = "of-a-test"
	patience = 2 * time.Minute
	interval = 50 * time.Millisecond
)

// Server is a running kube-apiserver.
type Server struct {
	// URL of the server, such as https://127.0.0.1:12345.
	URL string

	pid                  int
	dir, kubectl, config string
	exited               chan struct{}
}

// Start returns a server that is ready, on an etcd without TLS. Further flags may follow, such as
// --encryption-provider-config=FILE. The server ends with the test.
func Start(t testing.TB, etcd *cluster.Cluster, flags ...string) *Server {
	t.Helper()
	program := cluster.Tool(t, "kube-apiserver/kube-apiserver")
	address := port.Free(t, "127.0.0.1")
	s := &Server{URL: "https://" + address, dir: t.TempDir(), kubectl: cluster.Tool(t, "kube-apiserver/kubectl"), exited: make(chan struct{})}
	s.config = filepath.Join(s.dir, "kubeconfig")
	s.write(t, "key.pem", newKey(t))
	s.write(t, "tokens.csv", []byte(token+`,admin,1,"system:masters"`+"\n"))
	args := append([]string{
		"--etcd-servers=" + etcd.Members[0].ClientURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=192.0.2.1", // a loopback address is refused; nobody listens there
		"--endpoint-reconciler-type=none",
		"--secure-port=" + address[len("127.0.0.1:"):],
		"--cert-dir=" + s.dir,
		"--service-cluster-ip-range=10.96.0.0/12",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + filepath.Join(s.dir, "key.pem"),
		"--service-account-signing-key-file=" + filepath.Join(s.dir, "key.pem"),
		"--token-auth-file=" + filepath.Join(s.dir, "tokens.csv"),
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
	}, flags...)
	s.launch(t, program, args)
	s.write(t, "kubeconfig", fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Config","current-context":"test",
"clusters":[{"name":"test","cluster":{"server":%q,"certificate-authority":%q}}],
"users":[{"name":"test","user":{"token":%q}}],
"contexts":[{"name":"test","context":{"cluster":"test","user":"test"}}]}`, s.URL, filepath.Join(s.dir, "apiserver.crt"), token))
	s.awaitReady(t)
	return s
}

// launch starts the process. The kernel sends the signal of a parent's death when the thread that forked ends, so that thread is
// kept until the process has ended.
func (s *Server) launch(t testing.TB, program string, args []string) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatalf("apiserver: %v", err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		defer close(s.exited)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed at the end; an earlier end is seen as a server that is not ready
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("apiserver: start: %v", err)
	}
	s.pid = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error means that it has ended
		<-s.exited
		if t.Failed() {
			t.Logf("apiserver: its log ends:\n%s", s.logEnd())
		}
		_ = log.Close()
	})
}

func (s *Server) logEnd() string {
	const most = 4000
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// awaitReady returns when /readyz answers 200.
func (s *Server) awaitReady(t testing.TB) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last error
	for {
		if last = s.ready(t); last == nil {
			return
		}
		select {
		case <-s.exited:
			t.Fatalf("apiserver: it has ended:\n%s", s.logEnd())
		case <-deadline.C:
			t.Fatalf("apiserver: not ready after %s: %v", patience, last)
		case <-tick.C:
		}
	}
}

func (s *Server) ready(t testing.TB) error {
	cert, err := os.ReadFile(filepath.Join(s.dir, "apiserver.crt"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/readyz", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz: %s", answer.Status)
	}
	return nil
}

// Kubectl runs kubectl and returns what it prints; an error holds what it complains of.
func (s *Server) Kubectl(t testing.TB, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.kubectl, append([]string{"--kubeconfig=" + s.config, "--cache-dir=" + filepath.Join(s.dir, "cache")}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), fmt.Errorf("kubectl %v: %w: %s", args, err, exit.Stderr)
	}
	return string(out), err
}

func (s *Server) write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
		t.Fatalf("apiserver: %v", err)
	}
}

// newKey makes the key that signs tokens of service accounts.
func newKey(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("apiserver: %v", err)
	}
	body, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatalf("apiserver: %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: body})
}
