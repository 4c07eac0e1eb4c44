package discover

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLayouts looks at hosts as distributions set them up.
func TestLayouts(t *testing.T) {
	const pki = "/etc/kubernetes/pki/"
	rancher := func(name string, kind Kind, seen ...string) Host {
		home := "/var/lib/rancher/" + name + "/server/"
		return Host{Kind: kind, Member: "server-1-8d9c8a1c", DataDir: home + "db/etcd", Endpoints: []string{"https://127.0.0.1:2379"},
			CAFile: home + "tls/etcd/server-ca.crt", CertFile: home + "tls/etcd/client.crt", KeyFile: home + "tls/etcd/client.key",
			MetricsURL: "http://127.0.0.1:2381", Seen: append(seen, home+"db/etcd/config"),
			Notes: []string{"a restore on new hosts also needs the server token, " + home + "token: keep a copy of it elsewhere"}}
	}
	for name, want := range map[string]Host{
		"kubeadm-1.34": {Kind: Kubeadm, Member: "cp-0", DataDir: "/var/lib/etcd", Endpoints: []string{"https://127.0.0.1:2379"},
			CAFile: pki + "etcd/ca.crt", CertFile: pki + "etcd/healthcheck-client.crt", KeyFile: pki + "etcd/healthcheck-client.key",
			MetricsURL: "http://127.0.0.1:2381", ClusterName: "prod",
			Seen: []string{"/etc/kubernetes/manifests/etcd.yaml", "/etc/kubernetes/manifests/kube-controller-manager.yaml"}},
		"rke2": rancher("rke2", RKE2, "/etc/rancher/rke2/config.yaml"),
		"k3s":  rancher("k3s", K3s, "/etc/rancher/k3s/config.yaml"),
		"kubespray": {Kind: Kubespray, Member: "etcd1", DataDir: "/var/lib/etcd", Endpoints: []string{"https://127.0.0.1:2379"},
			CAFile: "/etc/ssl/etcd/ssl/ca.pem", CertFile: "/etc/ssl/etcd/ssl/admin-node1.pem", KeyFile: "/etc/ssl/etcd/ssl/admin-node1-key.pem",
			MetricsURL: "https://127.0.0.1:2379", Seen: []string{"/etc/etcd.env"}},
		"debian": {Kind: Debian, Member: "db-1", DataDir: "/var/lib/etcd/default", Endpoints: []string{"http://localhost:2379"},
			MetricsURL: "http://localhost:2379", Seen: []string{"/etc/default/etcd", "/etc/hostname"}},
		"debian-tls": {Kind: Debian, Member: "etcd-1", DataDir: "/srv/etcd", Endpoints: []string{"https://etcd-1.example.com:2379"},
			CAFile: "/etc/etcd/pki/ca.crt", CertFile: "/etc/etcd/pki/client.crt", KeyFile: "/etc/etcd/pki/client.key",
			MetricsURL: "http://127.0.0.1:2381", ClusterName: "prod-eu1", Seen: []string{"/etc/default/etcd"}},
		"external": {Kind: APIServer, Endpoints: []string{"https://10.0.1.1:2379", "https://10.0.1.2:2379", "https://10.0.1.3:2379"},
			CAFile: pki + "etcd-ca.crt", CertFile: pki + "apiserver-etcd-client.crt", KeyFile: pki + "apiserver-etcd-client.key",
			Seen:  []string{"/etc/kubernetes/manifests/kube-apiserver.yaml"},
			Notes: []string{"etcd runs on other hosts: it is better looked after from there, where a snapshot need not cross the network"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Find(os.DirFS(filepath.Join("testdata", name)))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestNothing holds that a host without etcd says why, and what to do instead.
func TestNothing(t *testing.T) {
	for name, want := range map[string]struct {
		kind           Kind
		reason, advice string
	}{
		"talos":        {Talos, "Talos", "talosctl -n NODE etcd snapshot"},
		"openshift":    {OpenShift, "OpenShift", "cluster-backup.sh"},
		"k3s-sqlite":   {K3s, "SQLite", "--cluster-init"},
		"k3s-external": {K3s, "a datastore elsewhere", "--endpoint"},
		"rke2-agent":   {RKE2, "an agent", "on the servers"},
		"worker":       {"", "a worker", "control-plane host"},
		"empty":        {"", "no etcd of kubeadm", "--endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Find(os.DirFS(filepath.Join("testdata", name)))
			var n *Nothing
			if !errors.As(err, &n) {
				t.Fatalf("got %v", err)
			}
			if n.Kind != want.kind || !strings.Contains(n.Reason, want.reason) || !strings.Contains(n.Hint(), want.advice) {
				t.Errorf("got %+v", n)
			}
			if len(n.Seen) == 0 && name != "empty" {
				t.Error("it does not say where it saw that")
			}
			if strings.Contains(n.Reason+n.Advice, "n0t-t0-be-sh0wn") {
				t.Error("a password was shown")
			}
		})
	}
}

// edited is a layout in which files are replaced; a nil text removes the file.
func edited(t *testing.T, layout string, edits map[string]func(string) string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	root := os.DirFS(filepath.Join("testdata", layout))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		files[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range edits {
		if edit == nil {
			if files[name] == nil {
				t.Fatalf("%s is not in %s", name, layout)
			}
			delete(files, name)
			continue
		}
		before := ""
		if files[name] != nil {
			before = string(files[name].Data)
		}
		after := edit(before)
		if after == before {
			t.Fatalf("the edit of %s changes nothing", name)
		}
		files[name] = &fstest.MapFile{Data: []byte(after)}
	}
	return files
}

func replace(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

func become(text string) func(string) string { return func(string) string { return text } }

type edits = map[string]func(string) string

const (
	etcdPod = "etc/kubernetes/manifests/etcd.yaml"
	api     = "etc/kubernetes/manifests/kube-apiserver.yaml"
	kubePKI = "etc/kubernetes/pki/"
)

// TestVariants looks at hosts that differ from what their distribution sets up.
func TestVariants(t *testing.T) {
	for name, c := range map[string]struct {
		layout string
		edits  edits
		check  func(Host) bool
	}{
		"the certificate of kube-apiserver where there is no healthcheck-client": {"kubeadm-1.34", edits{kubePKI + "etcd/healthcheck-client.crt": nil},
			func(h Host) bool {
				return h.CertFile == "/etc/kubernetes/pki/apiserver-etcd-client.crt" && h.KeyFile == "/etc/kubernetes/pki/apiserver-etcd-client.key" &&
					strings.Contains(h.Notes[0], "no healthcheck-client")
			}},
		"flags with a space, in args, of the second container": {"kubeadm-1.34", edits{etcdPod: func(s string) string {
			s = strings.Replace(s, "  - command:\n    - etcd\n", "  - name: first\n    command: [sleep, infinity]\n  - command: [etcd]\n    args:\n", 1)
			return strings.NewReplacer("--data-dir=/var/lib/etcd", "--data-dir\n    - /var/lib/etcd", "--name=cp-0", "-name\n    - cp-9").Replace(s)
		}}, func(h Host) bool { return h.Member == "cp-9" && h.DataDir == "/var/lib/etcd" }},
		"a shell that runs etcd": {"kubeadm-1.34", edits{etcdPod: become("spec:\n  containers:\n  - name: etcd\n    command: [/bin/sh, -c, 'exec etcd --name=\"x\" --data-dir=/d --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt --listen-client-urls=https://127.0.0.1:4001']\n")},
			func(h Host) bool {
				return h.Member == "x" && h.DataDir == "/d" && h.Endpoints[0] == "https://127.0.0.1:4001"
			}},
		"paths in the container are not those of the host": {"kubeadm-1.34", edits{
			etcdPod: func(s string) string {
				return strings.NewReplacer("      path: /var/lib/etcd", "      path: /srv/disk", "=/etc/kubernetes/pki/etcd", "=/certs", "mountPath: /etc/kubernetes/pki/etcd", "mountPath: /certs").Replace(s)
			}}, func(h Host) bool { return h.DataDir == "/srv/disk" && h.CAFile == "/etc/kubernetes/pki/etcd/ca.crt" }},
		"etcd with a configuration file": {"kubeadm-1.34", edits{
			etcdPod:               become("spec: {containers: [{command: [etcd, --config-file=/etc/etcd/conf.yml]}]}"),
			"etc/etcd/conf.yml":   become("name: from-file\ndata-dir: /d\nlisten-client-urls: http://127.0.0.1:2379\n"),
			"var/lib/nothing.txt": become("x"),
		}, func(h Host) bool { return h.Member == "from-file" && h.Endpoints[0] == "http://127.0.0.1:2379" }},
		"listening everywhere": {"kubeadm-1.34", edits{etcdPod: replace("https://127.0.0.1:2379,https://192.168.1.10:2379", "https://0.0.0.0:2379")},
			func(h Host) bool { return h.Endpoints[0] == "https://127.0.0.1:2379" }},
		"not listening on loopback": {"kubeadm-1.34", edits{etcdPod: replace("https://127.0.0.1:2379,https://192.168.1.10:2379", "https://192.168.1.10:2379")},
			func(h Host) bool { return h.Endpoints[0] == "https://192.168.1.10:2379" }},
		"the default name is no proposal": {"kubeadm-1.34", edits{"etc/kubernetes/manifests/kube-controller-manager.yaml": replace("--cluster-name=prod", "--cluster-name=kubernetes")},
			func(h Host) bool { return h.ClusterName == "" }},
		"a data-dir of k3s": {"k3s", edits{
			"etc/rancher/k3s/config.yaml.d/10-disk.yaml": become("data-dir: /srv/k3s/\n"),
			"srv/k3s/server/db/etcd/config":              become("name: moved\nlisten-client-urls: http://127.0.0.1:2379\n"),
		}, func(h Host) bool { return h.Kind == K3s && h.Member == "moved" }},
		"the admin certificate that the environment names": {"kubespray", edits{"etc/etcd.env": func(s string) string {
			return s + "ETCDCTL_CERT=/etc/ssl/etcd/ssl/node-node1.pem\nETCDCTL_KEY=/etc/ssl/etcd/ssl/node-node1-key.pem\n"
		}}, func(h Host) bool { return h.CertFile == "/etc/ssl/etcd/ssl/node-node1.pem" }},
		"Debian's etcd that asks for no certificate": {"debian-tls", edits{"etc/default/etcd": replace("ETCD_CLIENT_CERT_AUTH=true", "ETCD_CLIENT_CERT_AUTH=false")},
			func(h Host) bool { return h.CAFile == "/etc/etcd/pki/ca.crt" && h.CertFile == "" }},
		"Debian's etcd with the certificate of kube-apiserver": {"debian-tls", edits{
			"etc/default/etcd": func(s string) string { return strings.ReplaceAll(s, "ETCDCTL_", "X_") },
			api:                become("spec: {containers: [{command: [kube-apiserver, --etcd-certfile=/etc/etcd/pki/client.crt, --etcd-keyfile=/etc/etcd/pki/client.key]}]}"),
		}, func(h Host) bool { return h.CertFile == "/etc/etcd/pki/client.crt" && len(h.Notes) == 1 }},
		"kube-apiserver knows more than an untouched package": {"external", edits{"etc/default/etcd": become("# as it came\n")},
			func(h Host) bool { return h.Kind == APIServer }},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := Find(edited(t, c.layout, c.edits))
			if err != nil {
				t.Fatal(err)
			}
			if !c.check(h) {
				t.Errorf("got %+v", h)
			}
		})
	}
}

// TestProblems holds that a file which cannot be understood is named with its line and a way out.
func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		layout string
		edits  edits
		says   string
	}{
		"no YAML":                        {"kubeadm-1.34", edits{etcdPod: become("spec:\n  containers: [\n")}, "/etc/kubernetes/manifests/etcd.yaml: "},
		"an empty manifest":              {"kubeadm-1.34", edits{etcdPod: become("")}, "/etc/kubernetes/manifests/etcd.yaml: it is empty"},
		"no pod":                         {"kubeadm-1.34", edits{etcdPod: become("a: 1\n")}, "/etc/kubernetes/manifests/etcd.yaml: it is no pod with a container that runs etcd"},
		"another program":                {"kubeadm-1.34", edits{etcdPod: become("spec:\n  containers:\n  - command: [nginx]\n")}, "/etc/kubernetes/manifests/etcd.yaml:2: it is no pod"},
		"a command that is no list":      {"kubeadm-1.34", edits{etcdPod: become("spec:\n  containers:\n  - name: etcd\n    command: etcd\n")}, "etcd.yaml:4: command is no list of words"},
		"a word that is a list":          {"kubeadm-1.34", edits{etcdPod: become("spec:\n  containers:\n  - name: etcd\n    args:\n    - [a]\n")}, "etcd.yaml:5: a word of args is no text"},
		"no URL":                         {"kubeadm-1.34", edits{etcdPod: replace("--listen-client-urls=https://127.0.0.1:2379", "--listen-client-urls=2379")}, `etcd.yaml:23: --listen-client-urls: "2379" is not a URL of etcd`},
		"a URL without a port":           {"kubeadm-1.34", edits{etcdPod: replace("--listen-client-urls=https://127.0.0.1:2379", "--listen-client-urls=https://127.0.0.1")}, `--listen-client-urls: "https://127.0.0.1" has no port`},
		"a relative folder":              {"kubeadm-1.34", edits{etcdPod: replace("--data-dir=/var/lib/etcd", "--data-dir=etcd")}, `etcd.yaml:18: --data-dir: "etcd" is no absolute path`},
		"a name that is more than one":   {"kubeadm-1.34", edits{etcdPod: replace("- --name=cp-0", `- "--name=cp\x1b[2J"`)}, `--name: "cp\x1b[2J" is no name of a member`},
		"a path that is more than one":   {"kubeadm-1.34", edits{etcdPod: replace("- --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt", `- "--trusted-ca-file=/etc/ca\nExecStart=/bin/sh"`)}, "--trusted-ca-file: "},
		"no CA":                          {"kubeadm-1.34", edits{kubePKI + "etcd/ca.crt": nil}, "/etc/kubernetes/pki/etcd/ca.crt is not there"},
		"no certificate at all":          {"kubeadm-1.34", edits{kubePKI + "etcd/healthcheck-client.key": nil, kubePKI + "apiserver-etcd-client.crt": nil}, "is not there: /etc/kubernetes/pki/etcd/healthcheck-client.crt, /etc/kubernetes/pki/apiserver-etcd-client.crt"},
		"no configuration file of etcd":  {"kubeadm-1.34", edits{etcdPod: become("spec: {containers: [{command: [etcd, --config-file=/x.yml]}]}")}, "etcd.yaml:1: --config-file: /x.yml is not there"},
		"no mapping in RKE2":             {"rke2", edits{"var/lib/rancher/rke2/server/db/etcd/config": become("- a\n")}, "/var/lib/rancher/rke2/server/db/etcd/config:1: it is no configuration of etcd"},
		"no certificate of RKE2":         {"rke2", edits{"var/lib/rancher/rke2/server/tls/etcd/client.crt": nil}, "/var/lib/rancher/rke2/server/tls/etcd/client.crt"},
		"a bad data-dir of k3s":          {"k3s", edits{"etc/rancher/k3s/config.yaml": become("a: 1\ndata-dir: here\n")}, "/etc/rancher/k3s/config.yaml:2: data-dir: \"here\" is no absolute path"},
		"a line without a name":          {"kubespray", edits{"etc/etcd.env": func(s string) string { return "ETCD_X\n" + s }}, "/etc/etcd.env:1: not a line of the form NAME=value"},
		"a quote left open":              {"kubespray", edits{"etc/etcd.env": replace("ETCD_NAME=etcd1", `ETCD_NAME="etcd1`)}, "/etc/etcd.env:13: ETCD_NAME: a quote is opened and not closed"},
		"a bad URL in the environment":   {"kubespray", edits{"etc/etcd.env": replace("=https://10.0.0.11:2379,https://127.0.0.1:2379", "=$URLS")}, `/etc/etcd.env:8: ETCD_LISTEN_CLIENT_URLS: "$URLS" is not a URL`},
		"no admin certificate":           {"kubespray", edits{"etc/ssl/etcd/ssl/admin-node1-key.pem": nil, "etc/ssl/etcd/ssl/node-node1.pem": nil}, "/etc/ssl/etcd/ssl/admin-node1.pem"},
		"Debian's etcd asks, none named": {"debian-tls", edits{"etc/default/etcd": func(s string) string { return strings.ReplaceAll(s, "ETCDCTL_", "X_") }}, "no file names one"},
		"kube-apiserver without etcd":    {"external", edits{api: replace("    - --etcd-servers=", "    - --x=")}, "kube-apiserver has no --etcd-servers"},
		"http and https":                 {"external", edits{api: replace("https://10.0.1.2", "http://10.0.1.2")}, "http and https are mixed"},
		"too large":                      {"kubeadm-1.34", edits{etcdPod: become(strings.Repeat("#", maxFile+1))}, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Find(edited(t, c.layout, c.edits))
			var p *Problem
			if !errors.As(err, &p) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want a problem with %q", err, c.says)
			}
			if p.Hint() == "" || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("no way out, or a control character: %q, %q", err, p.Hint())
			}
		})
	}
}

// TestUnreadable holds that a file which may not be read is no absence of it.
func TestUnreadable(t *testing.T) {
	for _, name := range []string{"etc/kubernetes/manifests/etcd.yaml", "etc/kubernetes/pki/etcd/ca.crt", "etc/os-release"} {
		if _, err := Find(forbidding{os.DirFS("testdata/kubeadm-1.34"), name}); !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), "read /"+name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// forbidding denies one file.
type forbidding struct {
	fs.FS
	name string
}

func (f forbidding) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.FS.Open(name)
}

func (f forbidding) Stat(name string) (fs.FileInfo, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrPermission}
	}
	return fs.Stat(f.FS, name)
}
