package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/hostfs"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// TestConfined holds that no store is taken that the unit hides from the agent, nor one that does not last.
func TestConfined(t *testing.T) {
	for path, why := range map[string]string{
		"/home/b": "ProtectHome= hides /home", "/root": "ProtectHome= hides /root", "/run/user/0/b": "ProtectHome=", "/tmp/b": "PrivateTmp= hides /tmp",
		"/var/tmp/b": "PrivateTmp=", "/dev/shm": "PrivateDevices=", "/proc/b": "no files", "/sys": "no files", "/run/etcdward/b": "empty after a boot",
		"/var/run/b": "empty after a boot", "/var/lib/etcdward/b": "the agent's own folder",
	} {
		t.Run(path, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			h.refused(t, badly, why, "below /mnt or /srv", Request{Yes: true, Name: "a", NoCheck: true, Directory: path})
			h.Write(t, hostConfig, "cluster: {name: a}\nstores: [{name: nas, directory: {path: "+path+"}}]\n")
			h.refused(t, badly, "store nas: "+path, "below /mnt or /srv", Request{Yes: true, NoCheck: true})
		})
	}
	for _, path := range []string{"/mnt/b", "/srv", "/homes/b", "/var/lib/etcdward-backups"} {
		layout(t, "kubeadm-1.34").must(t, Request{Yes: true, Name: "a", NoCheck: true, Directory: path})
	}
	t.Run("a confinement that is lifted", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, "etc/systemd/system/etcdward.service.d/home.conf", "[Service]\nProtectHome=no\n")
		h.must(t, Request{Yes: true, Name: "a", NoCheck: true, Directory: "/home/b"})
	})
}

const plainConfig = "cluster:\n  name: a\n  endpoints: [https://127.0.0.1:2379]\n  ca_file: /etc/kubernetes/pki/etcd/ca.crt # ours\n" +
	"  cert_file: /etc/kubernetes/pki/etcd/healthcheck-client.crt\n  key_file: /etc/kubernetes/pki/etcd/healthcheck-client.key\n" +
	"stores: [{name: nas, directory: {path: /b}}]\n"

// TestPlainFiles holds that a path in the configuration is one that the agent can read, or becomes a credential.
func TestPlainFiles(t *testing.T) {
	const folder = "etc/kubernetes/pki/etcd/"
	mode := func(t *testing.T, h hostRoot, name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(filepath.Join(h.Root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	r := Request{Yes: true, NoCheck: true}
	t.Run("readable", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, hostConfig, plainConfig)
		mode(t, h, folder+"healthcheck-client.key", 0o644)
		h.must(t, r)
		if got := h.Read(t, hostConfig); got != plainConfig {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("what was found", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, hostConfig, plainConfig)
		mode(t, h, folder+"healthcheck-client.key", 0o600)
		h.must(t, r)
		want := regexp.MustCompile(`(ca|cert|key)_file: \S+`).ReplaceAllString(plainConfig, "${1}_file: credential:etcd-$1")
		if got := h.Read(t, hostConfig); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got := h.Read(t, serviceDropIn); !strings.Contains(got, "LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/healthcheck-client.key\n") {
			t.Errorf("got\n%s", got)
		}
		before := h.State(t)
		h.must(t, r)
		h.Unchanged(t, before)
	})
	t.Run("others, and a request that names them", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, hostConfig, strings.ReplaceAll(plainConfig, "healthcheck-client", "x"))
		for _, name := range []string{"x.crt", "x.key"} {
			h.Write(t, folder+name, "")
			mode(t, h, folder+name, 0o600)
		}
		h.refused(t, failed, "/etc/kubernetes/pki/etcd/x.crt", "leave cluster.ca_file, cert_file and key_file out", r)
		h.must(t, with(r, Request{CAFile: "/etc/kubernetes/pki/etcd/ca.crt", CertFile: "/etc/kubernetes/pki/etcd/server.crt", KeyFile: "/etc/kubernetes/pki/etcd/server.key"}))
		if got := h.Read(t, serviceDropIn); !strings.Contains(got, "LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/server.key\n") || strings.Contains(got, "etcd-ca") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("a store's", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, "root/s3", "") // all may read it, and yet the unit hides /root
		h.Write(t, hostConfig, "cluster: {name: a}\nstores: [{name: x, s3: {bucket: bbb, region: r, credentials_file: /root/s3}}]\n")
		h.refused(t, failed, "/root/s3: ProtectHome= hides /root", "write credential:NAME in its place, and repeat with --credential NAME=/root/s3", r)
		h.must(t, with(r, Request{S3: config.S3{Bucket: "bbb"}, S3Keys: "/root/s3"}))
		if got := h.Read(t, hostConfig); !strings.Contains(got, "credentials_file: credential:s3-x}") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("not there", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, hostConfig, "cluster: {name: a}\nstores: [{name: x, s3: {bucket: bbb, region: r, credentials_file: /etc/s3}}]\n")
		h.refused(t, failed, "etc/s3: no such file", "--credential", r)
	})
}

// TestMissingSources holds that a file which systemd could not hand over is named, when it is new and when nothing differs.
func TestMissingSources(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	r := Request{Yes: true, Name: "a", S3: config.S3{Bucket: "bbb", Region: "r"}, S3Keys: "/root/s3"}
	h.refused(t, failed, "/root/s3 is not there (credential s3-primary)", "put the file there", r)
	h.refused(t, failed, "/root/g is not there (credential gcs-primary)", "put the file there", Request{Yes: true, Name: "a", GCS: config.GCS{Bucket: "bbb"}, GCSKeys: "/root/g"})
	h.Write(t, "root/s3", "keys")
	h.must(t, with(r, Request{NoCheck: true}))
	h.must(t, Request{Yes: true}).nothingDiffers(t)
	if err := os.Remove(filepath.Join(h.Root, "root/s3")); err != nil {
		t.Fatal(err)
	}
	h.refused(t, failed, "/root/s3 is not there (credential s3-primary)", "--credential NAME=PATH", Request{Yes: true})
	if notes := h.must(t, Request{Yes: true, NoCheck: true}).Notes; !strings.Contains(strings.Join(notes, "\n"), "/root/s3 is not there") {
		t.Errorf("it notes %v", notes)
	}
	h.Write(t, "root/s3/x", "")
	h.refused(t, failed, "/root/s3 is a folder", "put the file there", Request{Yes: true})
	h.refused(t, failed, "/root/p is not there (credential s3-primary)", "put the file there", Request{Yes: true, Credentials: []string{"s3-primary=/root/p"}})
	// One that an operator's drop-in names counts as much.
	h.Write(t, "etc/systemd/system/etcdward.service.d/more.conf", "[Service]\nLoadCredentialEncrypted=mine:/etc/mine.cred\n")
	h.refused(t, failed, "/etc/mine.cred is not there (credential mine)", "put the file there", Request{Yes: true})
}

// TestUnknownCredential holds that a credential for a name that nothing asks for is an error.
func TestUnknownCredential(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	r := func(credential string) Request {
		return Request{Yes: true, Name: "a", NoCheck: true, Directory: "/b", Credentials: []string{credential}}
	}
	h.refused(t, usage, "names no credential:bogus", "it names etcd-ca, etcd-cert, etcd-key", r("bogus=/x"))
	h.Write(t, "etc/systemd/system/etcdward.service.d/more.conf", "[Service]\nLoadCredential=etcd-ca:/etc/kubernetes/pki/etcd/ca.crt\n")
	h.refused(t, usage, "beside setup's names the file of etcd-ca already", "systemctl cat", r("etcd-ca=/x"))
	layout(t, "debian").refused(t, usage, "names no credential, and so not x", "--help", r("x=/x"))
}

// TestOtherConfig holds that a configuration which the unit does not read has no part in its drop-ins.
func TestOtherConfig(t *testing.T) {
	if path, err := (Request{Config: "/srv/other.yaml", Root: "/", NoStart: true}).configOnHost(); err != nil || path != "/srv/other.yaml" {
		t.Errorf("got %s, %v", path, err)
	}
	if _, err := (Request{Config: "/srv/other.yaml", Root: "/"}).configOnHost(); !fault.IsUsage(err) || !strings.Contains(fault.Hint(err), "--no-start") {
		t.Errorf("got %v", err)
	}
	h := layout(t, "kubeadm-1.34")
	r := h.must(t, Request{Yes: true, Name: "a", NoCheck: true, Directory: "/tmp/b", Config: "/srv/other.yaml"})
	if got := h.Read(t, "srv/other.yaml"); !strings.Contains(got, "path: /tmp/b") {
		t.Errorf("got\n%s", got)
	}
	for _, file := range []string{serviceDropIn, certsDropIn, renewDropIn, hostConfig} {
		if _, err := os.Stat(filepath.Join(h.Root, file)); err == nil {
			t.Errorf("%s was written", file)
		}
	}
	if started, is := r.events[len(r.events)-1].(Started); !is || started.Foreign != "/srv/other.yaml" || !r.Foreign || r.Others.Config != "/srv/other.yaml" || !r.Others.NoStart {
		t.Errorf("the outcome is %+v", r.Outcome)
	}
}

// TestStaysInRoot holds that nothing is written through a link that leads out of the root.
func TestStaysInRoot(t *testing.T) {
	r := Request{Yes: true, Name: "a", NoCheck: true, Directory: "/b"}
	for _, folder := range []string{"etc/etcdward", "etc/systemd/system", "etc/systemd/system/etcdward.service.d"} {
		t.Run(folder, func(t *testing.T) {
			h, outside := layout(t, "kubeadm-1.34"), t.TempDir()
			link := filepath.Join(h.Root, folder)
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(outside, link)); err != nil {
				t.Fatal(err)
			}
			got := h.setup(t, r)
			if got.kind() != failed || !strings.Contains(got.err.Error(), "leads out of --root") || fault.Hint(got.err) == "" {
				t.Errorf("to blame is %s: %v", got.kind(), got.err)
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
				t.Errorf("outside is %v, %v", left, err)
			}
		})
	}
	h := layout(t, "kubeadm-1.34")
	if err := os.Symlink(t.TempDir(), filepath.Join(h.Root, "mnt")); err != nil {
		t.Fatal(err)
	}
	host, err := hostfs.Open(h.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	s := &setup{host: host}
	if _, err := s.folderFromHere(config.Store{Directory: &config.Directory{Path: "/mnt"}}); err == nil {
		t.Error("a store is tried through a link that leads out")
	}
	h.Write(t, "srv/etcdward/x", "")
	if err := os.Symlink("../srv/etcdward", filepath.Join(h.Root, "etc/etcdward")); err != nil {
		t.Fatal(err)
	}
	h.must(t, r)
	if h.Read(t, "srv/etcdward/config.yaml") == "" {
		t.Error("a link inside is not followed")
	}
}

func TestNotItsOwn(t *testing.T) {
	s := &setup{}
	if hint := s.wayOut(notItsOwn(fs.ErrPermission, "/mnt/a b")); !strings.HasPrefix(hint, "chown -R etcdward: '/mnt/a b'; ") {
		t.Errorf("the way out is %q", hint)
	}
}

func TestMayWrite(t *testing.T) {
	for _, c := range []struct {
		euid int
		r    Request
		ok   bool
	}{{0, Request{Root: "/"}, true}, {1000, Request{Root: "/"}, false}, {1000, Request{Root: "/", DryRun: true}, true}, {1000, Request{Root: "/tmp/x"}, true}} {
		if err := mayWrite(c.euid, c.r); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		} else if err != nil && !strings.Contains(fault.Hint(err), "sudo") {
			t.Errorf("no way out of %v", err)
		}
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"/root/s3": "/root/s3", "a b": "'a b'", "it's": `'it'\''s'`, "$x;y": "'$x;y'", "": "''"} {
		if got := ShellWord(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}

// TestDropIns holds that what an operator wrote beside setup's drop-ins is not said twice, and what setup knew is kept.
func TestDropIns(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	h.Write(t, "etc/systemd/system/etcdward.service.d/credentials.conf", "[Service]\nLoadCredential = etcd-ca:/etc/kubernetes/pki/etcd/ca.crt\nLoadCredentialEncrypted=etcd-key:/etc/key.cred\n")
	h.Write(t, "etc/systemd/system/etcdward-certs.path.d/files.conf", "[Path]\nPathChanged=\nPathChanged=/x\n")
	h.Write(t, hostConfig, "cluster: {name: a, username: root, password_file: credential:etcd-password}\nstores: [{name: x, s3: {bucket: bbb, region: r, credentials_file: credential:mine}}]\n")
	for _, f := range []string{"etc/key.cred", "root/50% of it", "root/p", "new/client.crt"} {
		h.Write(t, f, "in place of a secret")
	}
	h.refused(t, failed, "credential:etcd-password, credential:mine", "--credential etcd-password=PATH", Request{Yes: true, NoCheck: true})
	h.must(t, Request{Yes: true, NoCheck: true, Credentials: []string{"mine=/root/50% of it", "etcd-password=/root/p"}})
	head, _, _ := strings.Cut(h.Read(t, serviceDropIn), "[")
	if !strings.Contains(head, "What is yours goes into a file beside it.\n") {
		t.Errorf("it begins with\n%s", head)
	}
	holds := func(name, want string) {
		t.Helper()
		if got := h.Read(t, name); got != head+want {
			t.Errorf("got\n%s\nwant\n%s", got, head+want)
		}
	}
	holds(serviceDropIn, "[Service]\nLoadCredential=etcd-cert:/etc/kubernetes/pki/etcd/healthcheck-client.crt\nLoadCredential=etcd-password:/root/p\nLoadCredential=mine:/root/50%% of it\n")
	if _, err := os.Stat(filepath.Join(h.Root, certsDropIn)); err == nil {
		t.Error("the operator's paths to watch are overruled")
	}
	holds(renewDropIn, "[Unit]\nConditionPathExists=/etc/kubernetes/pki/etcd/healthcheck-client.crt\nConditionPathExists=/root/p\nConditionPathExists=/root/50%% of it\n"+
		"ConditionPathExists=/etc/kubernetes/pki/etcd/ca.crt\nConditionPathExists=/etc/key.cred\n")
	before := h.State(t)
	h.must(t, Request{Yes: true})
	h.Unchanged(t, before)

	// If nobody else says what to watch, secrets are watched as the certificates are; an encrypted one has no file to watch.
	h.Write(t, "etc/systemd/system/etcdward-certs.path.d/files.conf", "")
	h.must(t, Request{Yes: true, NoCheck: true})
	holds(certsDropIn, "[Path]\nPathChanged=\nPathChanged=/etc/kubernetes/pki/etcd/ca.crt\nPathChanged=/etc/kubernetes/pki/etcd/healthcheck-client.crt\n"+
		"PathChanged=/root/p\nPathChanged=/root/50%% of it\n")

	// Certificates that have moved are followed.
	h.must(t, Request{Yes: true, NoCheck: true, CertFile: "/new/client.crt"})
	if got := h.Read(t, serviceDropIn); !strings.Contains(got, "LoadCredential=etcd-cert:/new/client.crt\n") || !strings.Contains(got, "mine:/root/50%% of it\n") {
		t.Errorf("got\n%s", got)
	}
}

// TestRefuses holds what is refused, who is to blame, and that nothing is written then.
func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*testing.T, hostRoot)
		r      Request
		why    kind
		says   string
	}{
		"nothing asked for": {nil, Request{}, usage, "--name CLUSTER (it is called prod here); one of --store-s3 BUCKET, --store-gcs BUCKET and --store-directory PATH; --yes"},
		"no region":         {nil, Request{Yes: true, Name: "a", S3: config.S3{Bucket: "bbb"}}, usage, "--s3-region REGION, or --s3-endpoint URL"},
		"a bad name":        {nil, Request{Yes: true, Name: "Prod", Directory: "/b"}, usage, "cluster.name: not a name"},
		"a secret key":      {nil, Request{Yes: true, Name: "a", Directory: "/b", Recipients: []string{"AGE-SECRET-KEY-1CANARY"}}, usage, "this is a secret key"},
		"a bad path":        {nil, Request{Yes: true, Name: "a", Directory: "/b\"c"}, badly, "a unit takes no quotes"},
		"a relative path":   {nil, Request{Yes: true, Name: "a", GCS: config.GCS{Bucket: "bbb"}, GCSKeys: "key.json"}, usage, "no absolute, clean path"},
		"no NAME=PATH":      {nil, Request{Yes: true, Name: "a", Directory: "/b", Credentials: []string{"x"}}, usage, "give NAME=PATH"},
		"a wrong configuration": {func(t *testing.T, h hostRoot) { h.Write(t, hostConfig, "cluster: {name: a}\nstorse: []\n") },
			Request{Yes: true, Directory: "/b"}, badly, "config.yaml:2:1: storse: unknown key"},
		"a configuration behind a link": {func(t *testing.T, h hostRoot) {
			h.Write(t, "srv/config.yaml", "")
			h.Write(t, "etc/etcdward/x", "")
			if err := os.Symlink("../../srv/config.yaml", filepath.Join(h.Root, hostConfig)); err != nil {
				t.Fatal(err)
			}
		}, Request{Yes: true, Name: "a", Directory: "/b"}, failed, "it is a link"},
		"a manifest that cannot be understood": {func(t *testing.T, h hostRoot) {
			h.Write(t, "etc/kubernetes/manifests/etcd.yaml", "spec:\n  containers:\n  - name: etcd\n    command: etcd\n")
		}, Request{Yes: true}, failed, "/etc/kubernetes/manifests/etcd.yaml:4: command is no list of words"},
		"a root that is not there": {nil, Request{Root: "/nonexistent", Yes: true}, failed, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			if c.before != nil {
				c.before(t, h)
			}
			before := h.State(t)
			r := h.setup(t, c.r)
			if r.kind() != c.why || !strings.Contains(r.err.Error(), c.says) || strings.Contains(r.err.Error()+fault.Hint(r.err), "CANARY") {
				t.Errorf("to blame is %s, want %s with %q: %v", r.kind(), c.why, c.says, r.err)
			}
			h.Unchanged(t, before)
		})
	}
	t.Run("a configuration that cannot be edited", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.Write(t, hostConfig, "cluster:\n  name: >-\n    a\nstores: [{name: x, directory: {path: /b}}]\n")
		h.refused(t, failed, "cannot be changed in place", "edit the configuration by hand", Request{Yes: true, Name: "c"})
	})
	if unit.Config != "/"+hostConfig {
		t.Errorf("the unit reads %s", unit.Config)
	}
}
