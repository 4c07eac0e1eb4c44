package restore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v4"

	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/restore/probe"
	"github.com/etcdward/etcdward/test/cluster"
)

// asAPIServer in the environment makes the test binary a process that listens where a kube-apiserver would.
const asAPIServer = "ETCDWARD_TEST_APISERVER"

func init() {
	address := os.Getenv(asAPIServer)
	if address == "" {
		return
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		go func() {
			_, _ = conn.Read(make([]byte, 1))
			_, _ = fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.Close()
		}()
	}
}

// kubelet stands in for one: it runs the etcd and the API server of the manifests in a folder, and stops them when the file goes.
type kubelet struct {
	t       *testing.T
	folder  string
	log     string
	etcd    string
	running map[string]*exec.Cmd
	quit    chan struct{}
	gone    chan struct{}
}

func (k *kubelet) start() {
	k.quit, k.gone, k.running = make(chan struct{}), make(chan struct{}), map[string]*exec.Cmd{}
	go func() {
		defer close(k.gone)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-k.quit:
				for name := range k.running {
					k.end(name)
				}
				return
			case <-tick.C:
				k.look()
			}
		}
	}()
}

func (k *kubelet) stop() { close(k.quit); <-k.gone }

func (k *kubelet) look() {
	for name := range k.running {
		if _, err := os.Stat(filepath.Join(k.folder, name)); err != nil {
			k.end(name)
		}
	}
	entries, err := os.ReadDir(k.folder)
	if err != nil {
		return // the test is over
	}
	for _, e := range entries {
		name := e.Name()
		if k.running[name] != nil || strings.HasPrefix(name, ".") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(k.folder, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // it was moved out meanwhile
		}
		if err != nil {
			k.t.Errorf("kubelet: %v", err)
			return
		}
		cmd, err := k.command(text)
		if cmd == nil && err == nil {
			continue
		}
		if err != nil {
			k.t.Errorf("kubelet: %v", err)
			return
		}
		log, err := os.OpenFile(k.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			cmd.Stdout, cmd.Stderr = log, log
			err = errors.Join(cmd.Start(), log.Close())
		}
		if err != nil {
			k.t.Errorf("kubelet: %v", err)
			return
		}
		k.running[name] = cmd
	}
}

// command is what a manifest runs, or this binary in the place of a kube-apiserver; nil: a program without a stand-in.
func (k *kubelet) command(manifest []byte) (*exec.Cmd, error) {
	var pod struct {
		Spec struct {
			Containers []struct {
				Command []string `yaml:"command"`
			} `yaml:"containers"`
		} `yaml:"spec"`
	}
	if err := yaml.Load(manifest, &pod); err != nil {
		return nil, err
	}
	words := pod.Spec.Containers[0].Command
	if words[0] != "kube-apiserver" && words[0] != "etcd" {
		return nil, nil
	}
	if words[0] == "etcd" {
		cmd := exec.Command(k.etcd, words[1:]...)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		return cmd, nil
	}
	flags := map[string]string{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		flags[name] = value
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{asAPIServer + "=" + net.JoinHostPort(flags["--advertise-address"], flags["--secure-port"])}
	return cmd, nil
}

func (k *kubelet) end(name string) {
	_ = k.running[name].Process.Kill() // it may have ended
	_ = k.running[name].Wait()
	delete(k.running, name)
}

// controlPlane is hosts as kubeadm sets them up, on loopback addresses of their own. Their etcd speaks http: the stand-ins for
// the pods have no certificates.
type controlPlane struct {
	dirs, ips []string
	kubelets  []*kubelet
}

func newControlPlane(t *testing.T, n int) *controlPlane {
	t.Helper()
	c := &controlPlane{}
	etcd := cluster.Tool(t, "etcd-3.6/etcd")
	var initial []string
	for i := range n {
		c.ips = append(c.ips, fmt.Sprintf("127.%d.%d.%d", 10+os.Getpid()%200, 1+os.Getpid()/200%250, 1+i+10*len(t.Name())%200))
		initial = append(initial, fmt.Sprintf("cp-%d=http://%s:2380", i, c.ips[i]))
	}
	for i, ip := range c.ips {
		dir := t.TempDir()
		folder := filepath.Join(dir, "kubernetes", "manifests")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", "etcd.yaml"} {
			text, err := os.ReadFile(filepath.Join("kubeadm", "testdata", "kubeadm-1.34", name))
			if err != nil {
				t.Fatal(err)
			}
			here := strings.NewReplacer(
				"--initial-cluster=cp-0=https://192.168.1.10:2380", "--initial-cluster="+strings.Join(initial, ",")+"\n    - --unsafe-no-fsync",
				"https://127.0.0.1:2379,", "", "127.0.0.1", ip, "192.168.1.10", ip, "--name=cp-0", fmt.Sprintf("--name=cp-%d", i),
				"/var/lib/etcd", filepath.Join(dir, "etcd")).Replace(string(text))
			if name == "etcd.yaml" {
				var kept []string
				for line := range strings.Lines(here) {
					if !strings.Contains(line, "-file=") && !strings.Contains(line, "cert-auth") {
						kept = append(kept, strings.ReplaceAll(line, "https://", "http://"))
					}
				}
				here = strings.Join(kept, "")
			}
			if err := os.WriteFile(filepath.Join(folder, name), []byte(here), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		k := &kubelet{t: t, folder: folder, log: filepath.Join(dir, "log"), etcd: etcd}
		c.dirs, c.kubelets = append(c.dirs, dir), append(c.kubelets, k)
		k.start()
		t.Cleanup(k.stop)
	}
	return c
}

func (c *controlPlane) client(t *testing.T) *clientv3.Client {
	t.Helper()
	var urls []string
	for _, ip := range c.ips {
		urls = append(urls, "http://"+ip+":2379")
	}
	cli, err := clientv3.New(clientv3.Config{Endpoints: urls, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}

// until waits for a condition.
func until(t *testing.T, what string, met func() error) {
	t.Helper()
	if err := probe.Await(t.Context(), 2*time.Minute, met); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// snapshot writes some keys, then saves the cluster to a file.
func (c *controlPlane) snapshot(t *testing.T) (file string, revision int64) {
	t.Helper()
	cli := c.client(t)
	for i := range 50 {
		until(t, "write", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			put, err := cli.Put(ctx, fmt.Sprintf("/registry/pods/p-%d", i), "pod")
			if err == nil {
				revision = put.Header.Revision
			}
			return err
		})
	}
	file = filepath.Join(t.TempDir(), "snapshot.db")
	cmd := exec.Command(cluster.Tool(t, "etcd-3.6/etcdctl"), "--endpoints=http://"+c.ips[0]+":2379", "snapshot", "save", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file, revision
}

func (c *controlPlane) manifests(i int) string {
	return filepath.Join(c.dirs[i], "kubernetes", "manifests")
}

// applier of host i.
func (c *controlPlane) applier(t *testing.T, i int, p plan.Plan, file string) *Applier {
	t.Helper()
	host, err := kubeadm.Read(c.manifests(i), kubeadm.AsideOf(c.manifests(i), p))
	if err != nil {
		t.Fatal(err)
	}
	return &Applier{Plan: p, Member: host.Name, Host: &host, EtcdVersion: host.EtcdVersion, HealthLimit: time.Millisecond,
		Fetch: func(context.Context) (string, error) { return file, nil }}
}

func (c *controlPlane) plan(t *testing.T, file string) plan.Plan {
	t.Helper()
	host, err := kubeadm.Read(c.manifests(0), "")
	if err != nil {
		t.Fatal(err)
	}
	members, err := host.MembersOf()
	if err != nil {
		t.Fatal(err)
	}
	d := draft(t, file, "/nowhere")
	d.Members = members
	return mustPlan(t, d)
}

// TestKubeadm brings a control plane of three hosts back that lost two of them.
func TestKubeadm(t *testing.T) {
	c := newControlPlane(t, 3)
	file, revision := c.snapshot(t)
	var before []string
	for i := range c.ips {
		before = append(before, digest(t, c.manifests(i)))
	}
	for i := 1; i < 3; i++ {
		c.kubelets[i].stop()
		if err := os.RemoveAll(filepath.Join(c.dirs[i], "etcd")); err != nil {
			t.Fatal(err)
		}
		c.kubelets[i].start()
	}
	p := c.plan(t, file)
	for i := range c.ips {
		out, err := c.applier(t, i, p, file).Run(t.Context())
		if err != nil || out.Step != place.StepDone {
			log, _ := os.ReadFile(filepath.Join(c.dirs[i], "log"))
			t.Fatalf("host %d: %+v %v\n%s", i, out, err, log[max(0, len(log)-3000):])
		}
		if digest(t, c.manifests(i)) != before[i] {
			t.Errorf("host %d: the manifests are not as they were", i)
		}
	}
	cli := c.client(t)
	until(t, "read", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		got, err := cli.Get(ctx, "/registry/pods/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err == nil && (got.Count != 50 || got.Header.Revision < revision+plan.DefaultBump) {
			t.Fatalf("%d keys at revision %d", got.Count, got.Header.Revision)
		}
		return err
	})
	for i := range c.ips {
		until(t, "health", func() error { return probe.Healthy(t.Context(), "http://"+c.ips[i]+":2381") })
		until(t, "API server", func() error {
			if !probe.Answers(t.Context(), "https://"+c.ips[i]+":6443") {
				return fmt.Errorf("host %d: no API server", i)
			}
			return nil
		})
	}
	// And back: the first host has its old directory again.
	out, err := c.applier(t, 0, p, file).Rollback(t.Context())
	if err != nil || out.Step != place.StepRolledBack || digest(t, c.manifests(0)) != before[0] {
		t.Fatalf("%+v %v", out, err)
	}
	c.runsOn(t, 0)
}

// TestKubeadmFailure fails each step once: manifests and directory are as they were, and etcd runs on it again.
func TestKubeadmFailure(t *testing.T) {
	c := newControlPlane(t, 1)
	file, _ := c.snapshot(t)
	p := c.plan(t, file)
	data := filepath.Join(c.dirs[0], "etcd")
	manifests, directory := digest(t, c.manifests(0)), mustIdentify(t, data)
	boom := errors.New("boom")
	for _, step := range []Step{place.StepRestoring, place.StepReady, place.StepStopping, place.StepSwitching, place.StepStarting, place.StepDone, "never ends", "never starts"} {
		a := c.applier(t, 0, p, file)
		a.HealthLimit = 0
		a.Before = func(now Step) error {
			if now == step {
				return boom
			}
			return nil
		}
		switch step {
		case "never ends":
			a.Host.Others = append(a.Host.Others, "http://"+stubborn(t))
			a.StopLimit = time.Second
		case "never starts":
			a.Host.PeerURLs = []string{"http://127.0.0.1:1"}
			a.Plan.Members[0].PeerURLs = a.Host.PeerURLs
			a.StartLimit = time.Second
		}
		_, err := a.Run(t.Context())
		if err == nil || !strings.HasPrefix(string(step), "never") && !errors.Is(err, boom) {
			t.Fatalf("%s: error %v", step, err)
		}
		if digest(t, c.manifests(0)) != manifests || mustIdentify(t, data) != directory {
			t.Fatalf("%s: not as it was: %v", step, err)
		}
		if _, err := os.Stat(kubeadm.AsideOf(c.manifests(0), p)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the folder for manifests was left: %v", step, err)
		}
		a.Plan.Members[0].PeerURLs = []string{"http://" + c.ips[0] + ":2380"}
		until(t, "health after "+string(step), func() error { return probe.Healthy(t.Context(), "http://"+c.ips[0]+":2381") })
	}
	last := c.applier(t, 0, p, file)
	last.HealthLimit = 0
	if out, err := last.Run(t.Context()); err != nil || out.Step != place.StepDone || mustIdentify(t, data) == directory {
		t.Fatalf("in the end: %+v %v", out, err)
	}
}

// stubborn listens to the end of the test.
func stubborn(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-gone })
	return listener.Addr().String()
}

func mustIdentify(t *testing.T, path string) place.Identity {
	t.Helper()
	id, err := place.Identify(path)
	if err != nil || id == (place.Identity{}) {
		t.Fatalf("%s: %v", path, err)
	}
	return id
}

// TestRollbackStopsAPIServers rolls back a restore for which the API server's manifest had been moved out by hand, and moved back since,
// under its own name, under another, or beside a second one: each is stopped, and runs again afterwards.
func TestRollbackStopsAPIServers(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string // by which the manifest is put back
	}{{"another", []string{"api.yml"}}, {"its own, and one beside", []string{"kube-apiserver.yaml", "second.manifest"}}} {
		t.Run(c.name, func(t *testing.T) {
			cp := newControlPlane(t, 1)
			file, _ := cp.snapshot(t)
			p, data := cp.plan(t, file), filepath.Join(cp.dirs[0], "etcd")
			old := mustIdentify(t, data)
			manifest := filepath.Join(cp.manifests(0), "kube-apiserver.yaml")
			text, err := os.ReadFile(manifest)
			if err == nil {
				err = os.Remove(manifest)
			}
			if err != nil {
				t.Fatal(err)
			}
			address := func(i int) string { return fmt.Sprintf("https://%s:%d", cp.ips[0], 6443+i) }
			runs := func(what string, want bool, n int) {
				t.Helper()
				until(t, what, func() error {
					for i := range n {
						if probe.Answers(t.Context(), address(i)) != want {
							return fmt.Errorf("%s answers: %t", address(i), !want)
						}
					}
					return nil
				})
			}
			runs("the API server to end", false, 1)
			a := cp.applier(t, 0, p, file)
			a.HealthLimit = 0
			if out, err := a.Run(t.Context()); err != nil || out.Step != place.StepDone {
				t.Fatalf("%+v %v", out, err)
			}
			for i, name := range c.files {
				here := strings.ReplaceAll(string(text), "--secure-port=6443", fmt.Sprintf("--secure-port=%d", 6443+i))
				if err := os.WriteFile(filepath.Join(cp.manifests(0), name), []byte(here), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := digest(t, cp.manifests(0))
			runs("the API servers", true, len(c.files))
			var stopped []bool
			back := cp.applier(t, 0, p, file)
			back.StopLimit = 30 * time.Second
			back.Tell = func(format string, _ ...any) {
				if strings.HasPrefix(format, "Moving %d manifests") {
					stopped = append(stopped, true)
				}
			}
			if out, err := back.Rollback(t.Context()); err != nil || out.Step != place.StepRolledBack || mustIdentify(t, data) != old || len(stopped) != 1 {
				t.Fatalf("%+v %v", out, err)
			}
			if digest(t, cp.manifests(0)) != before {
				t.Error("the manifests are not as they were")
			}
			cp.runsOn(t, 0)
			runs("the API servers, afterwards", true, len(c.files))
		})
	}
}
