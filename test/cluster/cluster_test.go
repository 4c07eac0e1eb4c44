package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// inEach runs a test on all versions side by side, which also shows that
// clusters do not get in each other's way.
func inEach(t *testing.T, test func(t *testing.T, version string)) {
	t.Parallel()
	for _, v := range Versions {
		t.Run(v, func(t *testing.T) {
			t.Parallel()
			test(t, v)
		})
	}
}

func put(t *testing.T, cli *clientv3.Client, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := cli.Put(ctx, key, "value"); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func has(t *testing.T, m *Member, key string, opts ...clientv3.OpOption) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := m.Client(t).Get(ctx, key, opts...)
	if err != nil {
		t.Fatalf("get %s from %s: %v", key, m.Name, err)
	}
	return got.Count == 1
}

func TestMembersComeAndGo(t *testing.T) {
	inEach(t, func(t *testing.T, version string) {
		c := Start(t, Options{Version: version})
		cli := c.Client(t)
		put(t, cli, "first")
		if out := c.Etcdctl(t, "member", "list"); strings.Count(out, "started") != 3 {
			t.Errorf("etcdctl member list says\n%s", out)
		}
		if out := c.Etcdutl(t, "version"); !strings.Contains(out, "etcdutl version: "+version+".") {
			t.Errorf("etcdutl version says %q, want %s", out, version)
		}

		to := c.Followers(t)[1]
		c.MoveLeader(t, to)
		if got := c.Leader(t); got != to {
			t.Fatalf("leader is %s, want %s", got.Name, to.Name)
		}

		was := to.Pid()
		to.Kill()
		if to.Pid() != 0 {
			t.Errorf("%s has a process after Kill", to.Name)
		}
		if got := c.Leader(t); got == to {
			t.Errorf("%s leads after Kill", got.Name)
		}
		put(t, cli, "while down")
		to.Start()
		if to.Pid() == was || to.Pid() == 0 {
			t.Errorf("process after Start is %d, before Kill it was %d", to.Pid(), was)
		}
		// Start has waited: the member's own copy is complete.
		if !has(t, to, "while down", clientv3.WithSerializable()) {
			t.Errorf("%s lacks what was written while it was down", to.Name)
		}

		frozen := c.Followers(t)[0]
		frozen.Pause()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := cli.Status(ctx, frozen.ClientURL)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("paused %s answers with %v, want no answer", frozen.Name, err)
		}
		put(t, c.Leader(t).Client(t), "while paused")
		frozen.Resume()
		if !has(t, frozen, "while paused", clientv3.WithSerializable()) {
			t.Errorf("%s lacks what was written while it was paused", frozen.Name)
		}
	})
}

// A cluster that lost its quorum comes back whichever member starts first.
func TestStartWithoutQuorum(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	put(t, c.Client(t), "first")
	for _, m := range c.Members {
		m.Stop()
	}
	c.Members[2].Start()
	if c.Members[2].Pid() == 0 {
		t.Error("m3 does not run after Start")
	}
	c.Members[0].Start()
	if !has(t, c.Members[2], "first") {
		t.Error("m3 lacks what was written before the stop")
	}
}

func TestIsolate(t *testing.T) {
	inEach(t, func(t *testing.T, version string) {
		c := Start(t, Options{Version: version})
		put(t, c.Client(t), "before")
		// The one who receives most, then the one who sends most.
		for _, who := range []string{"follower", "leader"} {
			m := c.Leader(t)
			if who == "follower" {
				m = c.Followers(t)[0]
			}
			c.Isolate(t, m)

			s, err := m.Client(t).Status(t.Context(), m.ClientURL)
			if err != nil {
				t.Fatalf("status of the isolated %s: %v", who, err)
			}
			if s.Leader != 0 {
				t.Errorf("the isolated %s follows %x", who, s.Leader)
			}
			leader := c.Leader(t)
			if leader == m {
				t.Fatalf("the isolated %s leads", who)
			}
			put(t, leader.Client(t), who)
			if !has(t, m, "before", clientv3.WithSerializable()) {
				t.Errorf("the isolated %s lacks what was written before", who)
			}
			if has(t, m, who, clientv3.WithSerializable()) {
				t.Errorf("the isolated %s has what was written meanwhile", who)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := m.Client(t).Put(ctx, "lost", ""); err == nil {
				t.Errorf("the isolated %s takes writes", who)
			}
			cancel()

			c.Heal(t, m)
			if !has(t, m, who, clientv3.WithSerializable()) {
				t.Errorf("the healed %s has not caught up", who)
			}
		}
	})
}

func TestLearner(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	put(t, c.Client(t), "key")
	m := c.AddLearner(t)
	s, err := m.Client(t).Status(t.Context(), m.ClientURL)
	if err != nil {
		t.Fatal(err)
	}
	if !s.IsLearner || s.Header.MemberId != m.ID {
		t.Errorf("status says learner %v, ID %x; want true, %x", s.IsLearner, s.Header.MemberId, m.ID)
	}
	if !has(t, m, "key", clientv3.WithSerializable()) {
		t.Error("the learner has not caught up")
	}
	if len(c.Endpoints()) != 3 || len(c.Members) != 4 || len(c.Followers(t)) != 2 {
		t.Errorf("%d endpoints, %d members, %d followers; want 3, 4, 2", len(c.Endpoints()), len(c.Members), len(c.Followers(t)))
	}
}

func TestStorageVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"3.5": "", "3.6": "3.6.0", "3.7": "3.7.0"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := Start(t, Options{Version: version, Members: 1})
			if got := c.AwaitStorageVersion(t); got != want {
				t.Errorf("storage version is %q, want %q", got, want)
			}
			s, err := c.Client(t).Status(t.Context(), c.Members[0].ClientURL)
			if err != nil {
				t.Fatal(err)
			}
			if s.StorageVersion != want {
				t.Errorf("the member says %q, want %q", s.StorageVersion, want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Members: 1, Plain: true, QuotaBytes: 64 << 20, Args: []string{NoFsync}})
	if c.CAFile != "" || !strings.HasPrefix(c.Endpoints()[0], "http://") {
		t.Errorf("CA %q, endpoint %s; want none, http", c.CAFile, c.Endpoints()[0])
	}
	put(t, c.Client(t), "key")
	if out := c.Etcdctl(t, "get", "key", "--print-value-only"); out != "value\n" {
		t.Errorf("etcdctl get says %q", out)
	}
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.Members[0].Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{NoFsync, "--quota-backend-bytes=67108864"} {
		if !strings.Contains(string(args), want+"\x00") {
			t.Errorf("etcd was started without %s", want)
		}
	}
	metrics, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(c.Members[0].MetricsURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	_ = metrics.Body.Close()
	if metrics.StatusCode != http.StatusOK {
		t.Errorf("metrics: %s", metrics.Status)
	}
}

func TestCommandErrors(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Members: 1})
	if _, err := c.EtcdctlErr(t, "put", "only-a-key", "--bogus"); err == nil || !strings.Contains(err.Error(), "bogus") {
		t.Errorf("etcdctl with a bogus flag: %v, want an error that says so", err)
	}
	if _, err := c.EtcdutlErr(t, "snapshot", "status", "/does/not/exist"); err == nil {
		t.Error("etcdutl took a file that does not exist")
	}
}

// The port of a member that is down is nobody else's.
func TestPortIsKept(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Members: 1})
	m := c.Members[0]
	m.Kill()
	address := strings.TrimPrefix(m.ClientURL, "https://")
	if ln, err := net.Listen("tcp", address); err == nil {
		_ = ln.Close()
		t.Errorf("%s can be taken while %s is down", address, m.Name)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Errorf("%s answers while %s is down", address, m.Name)
	}
	m.Start()
	put(t, m.Client(t), "key")
}
