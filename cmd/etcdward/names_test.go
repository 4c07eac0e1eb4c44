package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

// named runs an etcd of one member under a name, and gives its client URL.
func named(t *testing.T, name string) string {
	t.Helper()
	client, peer := "http://"+port.Free(t, "127.0.0.1"), "http://"+port.Free(t, "127.0.0.1")
	cmd := exec.Command(cluster.Tool(t, "etcd-3.6/etcd"), "--name="+name, "--data-dir="+t.TempDir(), "--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster="+name+"="+peer, cluster.NoFsync)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said := new(log)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	healthy := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	await.Until(t, time.Minute, said, func() bool {
		resp, err := healthy.Get(client + "/health")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return client
}

// siteOf is a host of an etcd that no test's cluster runs.
func siteOf(t *testing.T, endpoint string) site {
	t.Helper()
	dir := t.TempDir()
	s := site{dir, filepath.Join(dir, "config.yaml"), filepath.Join(dir, "store"), filepath.Join(dir, "state")}
	for _, d := range []string{s.store, s.state} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf("cluster: {name: test, endpoints: [%s], ca_file: \"\", cert_file: \"\", key_file: \"\"}\nstores: [{name: primary, directory: {path: %s}}]\n"+
		"defrag: {min_reclaimable: 0, min_reclaimable_ratio: 0}\n", endpoint, s.store)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStrangeNames has members whose names a terminal would act upon, and one without: they are backed up and defragmented, and shown escaped.
func TestStrangeNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, shown, stored string }{
		{"", "", ""}, {"a b", "a b", "a b"}, {" ", " ", " "}, {"a\tb", `a\tb`, `a\tb`}, {"a\nSOUND", `a\nSOUND`, `a\nSOUND`},
		{"\x1b[31mred\x07", `\u001b[31mred\u0007`, `\x1b[31mred\a`}, {"\u202eetcd", `\u202eetcd`, `\u202eetcd`},
	} {
		t.Run(strconv.Quote(test.name), func(t *testing.T) {
			t.Parallel() // a defragmentation looks at the databases every few seconds
			s := siteOf(t, named(t, test.name))
			name, shown, stored := test.name, test.shown, test.stored
			m := s.snapshot(t)
			if name == "" {
				name, shown, stored = m.Member.ID, m.Member.ID, m.Member.ID
			}
			if m.Member.Name != stored {
				t.Errorf("the manifest names %q, want %q", m.Member.Name, stored)
			}
			for _, args := range [][]string{{"status"}, {"show", "latest"}, {"defrag", "--dry-run"}, {"defrag", "--member", name}, {"defrag"}} {
				r := s.etcdward(t, args...)
				all := r.out + r.err
				if !strings.Contains(all, shown) && !strings.Contains(all, stored) || strings.ContainsAny(strings.ReplaceAll(all, "\n", ""), "\x1b\x07\u202e") || strings.Contains(all, "a\tb") || strings.Contains(all, "\nSOUND") {
					t.Errorf("%v, exit %d, says\n%q", args, r.code, all)
				}
				if args[0] != "defrag" && r.code != exitOK {
					t.Errorf("%v: exit %d\n%s", args, r.code, all)
				}
			}
		})
	}
}

// relay passes what comes to an address of this host, which is no loopback address, to another one: only for such does a proxy count.
func relay(t *testing.T, to string) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var listener net.Listener
	for _, a := range addresses {
		if ip, is := a.(*net.IPNet); is && ip.IP.To4() != nil && !ip.IP.IsLoopback() && listener == nil {
			listener, _ = net.Listen("tcp", net.JoinHostPort(ip.IP.String(), "0")) // the next one may do
		}
	}
	if listener == nil {
		t.Skip("SKIPPED: this host has no address but those of the loopback")
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // closed
			}
			onward, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{from, onward}, {onward, from}} {
				passing.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // until one of them closes
					_, _ = way[0].Close(), way[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() { _ = listener.Close(); passing.Wait() })
	return listener.Addr().String()
}

// TestNoProxyForEtcd has a proxy in the environment that answers nobody: etcd and its metrics are reached without it.
func TestNoProxyForEtcd(t *testing.T) {
	t.Parallel()
	address := relay(t, strings.TrimPrefix(named(t, "m1"), "http://"))
	proxy, calls := mute(t)
	s := siteOf(t, "http://"+address)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"snapshot", "status", "compact", "defrag"} {
		cmd := exec.Command(self, "--config", s.config, "--state-dir", s.state, verb)
		cmd.Env = append(os.Environ(), asEtcdward+"=1", "HTTPS_PROXY=http://"+proxy, "https_proxy=http://"+proxy, "HTTP_PROXY=http://"+proxy, "http_proxy=http://"+proxy, "NO_PROXY=", "no_proxy=")
		out, err := cmd.CombinedOutput()
		text := string(out)
		if n := calls.Load(); n > 0 || strings.Contains(text, "no endpoint answers") || strings.Contains(text, "open snapshots cannot be seen") || verb != "defrag" && err != nil {
			t.Errorf("%s: the proxy was asked %d times, %v:\n%s", verb, n, err, text)
		}
	}
}
