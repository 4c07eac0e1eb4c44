// Package cluster runs real etcd clusters for tests.
//
// It does not know what is tested: it starts, disturbs and fills clusters, and
// knows nothing of snapshots, stores or agents. Its invariant is that no process,
// port or goroutine of a cluster outlives the test that started it, even if the
// test binary is killed. It runs on Linux only.
package cluster

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster/network"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Options says which cluster to start. The zero value is three members of etcd
// 3.6 with TLS and client certificates.
type Options struct {
	Version    string   // one of Versions, or Old; empty is "3.6"
	Members    int      // zero is 3
	Plain      bool     // clients speak http without certificates
	Args       []string // further flags of etcd, as --name=value; see NoFsync
	QuotaBytes int64    // backend quota; zero is etcd's default of 2 GiB
}

// Versions are those that a cluster can have, for tests that hold on each.
var Versions = []string{"3.5", "3.6", "3.7"}

// Old is Debian's own etcd, whose defragmentation can corrupt data. Tests check that it is left alone.
const Old = "3.4"

// NoFsync is a flag for Options.Args. It makes filling up to twice as fast. Kill loses nothing all the same,
// because the page cache survives it. It is not the default, because only without it a measured stall is a
// real one.
const NoFsync = "--unsafe-no-fsync"

// Cluster is a running cluster. Its methods may be called from several goroutines, but a method that takes a
// testing.TB only from that test's own goroutine.
type Cluster struct {
	// Members holds voters in the order of their start, then learners.
	Members []*Member

	// Version is the minor version, such as "3.6".
	Version string

	// CAFile, CertFile and KeyFile are for the client under test. They are empty in a plain cluster.
	// RotateCertificates and ExpireClientCertificate rewrite the latter two; the cluster's own clients
	// (Client, Etcdctl) use other credentials, which stay valid.
	CAFile, CertFile, KeyFile string

	t     testing.TB
	dir   string
	logs  string
	args  []string
	token string
	net   *network.Network
	pki   *credentials // nil in a plain cluster

	mu sync.Mutex // guards the processes and conditions of the members
}

// Start returns a cluster in which every member serves, knows the leader and
// has applied what the leader had. The cluster ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Members == 0 {
		o.Members = 3
	}
	c := prepare(t, o)
	for i := range o.Members {
		c.addMember(t, fmt.Sprintf("m%d", i+1))
	}
	initial := c.initialCluster()
	for _, m := range c.Members {
		m.bootstrap = []string{"--initial-cluster=" + initial, "--initial-cluster-state=new"}
		m.launch(t)
	}
	c.settle(t)
	return c
}

// prepare makes everything of a cluster but its members.
func prepare(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Version == "" {
		o.Version = "3.6"
	}
	if o.Version != Old && !slices.Contains(Versions, o.Version) {
		t.Fatalf("cluster: start etcd %s: there is only %s", o.Version, strings.Join(Versions, ", "))
	}
	c := &Cluster{Version: o.Version, t: t, dir: t.TempDir(), token: filepath.Base(t.TempDir()) + "-" + t.Name()}
	Tool(t, c.program("etcd"))
	c.keepLogs(t)
	c.net = network.New()
	t.Cleanup(c.end)
	c.args = []string{
		// Half a second to notice a dead leader keeps tests short, and ten
		// heartbeats fit in it even when the race detector has both cores.
		"--heartbeat-interval=50", "--election-timeout=500",
		"--initial-cluster-token=" + c.token,
		"--log-level=info", "--logger=zap",
	}
	if o.Version != Old {
		c.args = append(c.args, "--socket-reuse-port=true") // beside the reservation, see reservePort
	}
	if o.QuotaBytes != 0 {
		c.args = append(c.args, fmt.Sprintf("--quota-backend-bytes=%d", o.QuotaBytes))
	}
	if !o.Plain {
		c.writeCredentials(t)
	}
	c.args = append(c.args, o.Args...)
	return c
}

// addMember reserves a member's ports and begins to proxy its peer traffic.
func (c *Cluster) addMember(t testing.TB, name string) *Member {
	t.Helper()
	hold := c.Version != Old
	client, peer, metrics := reservePort(t, hold), reservePort(t, hold), reservePort(t, hold)
	p, err := c.net.Listen(peer)
	if err != nil {
		t.Fatalf("cluster: listen for peers of %s: %v", name, err)
	}
	scheme := "https"
	if c.pki == nil {
		scheme = "http"
	}
	m := &Member{
		Name:       name,
		ClientURL:  scheme + "://" + client,
		PeerURL:    "http://" + p.Addr(),
		MetricsURL: "http://" + metrics,
		DataDir:    filepath.Join(c.dir, name),
		LogFile:    filepath.Join(c.logs, name+".log"),
		c:          c,
		proxy:      p,
		listenPeer: "http://" + peer,
	}
	c.Members = append(c.Members, m)
	return m
}

func (c *Cluster) initialCluster() string {
	var peers []string
	for _, m := range c.Members {
		peers = append(peers, m.Name+"="+m.PeerURL)
	}
	return strings.Join(peers, ",")
}

// end stops everything at once, since the data is no longer needed.
func (c *Cluster) end() {
	for _, m := range c.Members {
		if p := m.process(); p != nil {
			p.kill()
		}
	}
	c.net.Close()
}

// Endpoints returns the client URLs of the voters. Learners are left out because
// they refuse writes and linearizable reads.
func (c *Cluster) Endpoints() []string {
	var urls []string
	for _, m := range c.Members {
		if !m.Learner {
			urls = append(urls, m.ClientURL)
		}
	}
	return urls
}

// Client returns a client of all voters, closed at the end of the test t.
func (c *Cluster) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	return c.client(t, c.Endpoints()...)
}

// Client returns a client that talks to this member only, closed at the end of
// the test t.
func (m *Member) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	return m.c.client(t, m.ClientURL)
}

func (c *Cluster) client(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	cli, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints,
		TLS:       c.tlsConfig(),
		Logger:    zap.NewNop(),
		// By default gRPC waits up to two minutes before it dials a member again. A test would then measure
		// this wait and not the cluster.
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second / 2},
			MinConnectTimeout: answerTime,
		})},
	})
	if err != nil {
		t.Fatalf("cluster: open client: %v", err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}

func (c *Cluster) tlsConfig() *tls.Config {
	if c.pki == nil {
		return nil
	}
	return c.pki.client.Clone()
}

func (c *Cluster) program(name string) string {
	return filepath.Join("etcd-"+c.Version, name)
}

// environment is that of this process, without the variables that etcd and its tools would read as flags.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ETCD") {
			env = append(env, v)
		}
	}
	return env
}
