package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/config"
)

// refused is setup that has to end with a code and say why, with a way out, and to have written nothing.
func (h hostRoot) refused(t *testing.T, code int, says, hint string, args ...string) {
	t.Helper()
	before := h.state(t)
	r := h.setup(t, args...)
	_, try, _ := strings.Cut(r.err, "\nTry: ")
	if r.code != code || !strings.Contains(r.err, says) || !strings.Contains(try, hint) || try == "" {
		t.Errorf("setup %v: exit %d, want %d with %q and %q:\n%s", args, r.code, code, says, hint, r.err)
	}
	h.unchanged(t, before)
}

// TestSetupConfined holds that no store is taken that the unit hides from the agent, nor one that does not last.
func TestSetupConfined(t *testing.T) {
	for path, why := range map[string]string{
		"/home/b": "ProtectHome= hides /home", "/root": "ProtectHome= hides /root", "/run/user/0/b": "ProtectHome=", "/tmp/b": "PrivateTmp= hides /tmp",
		"/var/tmp/b": "PrivateTmp=", "/dev/shm": "PrivateDevices=", "/proc/b": "no files", "/sys": "no files", "/run/etcdward/b": "empty after a boot",
		"/var/run/b": "empty after a boot", "/var/lib/etcdward/b": "the agent's own folder",
	} {
		t.Run(path, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			h.refused(t, exitConfig, why, "below /mnt or /srv", "--yes", "--name", "a", "--no-check", "--store-directory", path)
			h.write(t, hostConfig, "cluster: {name: a}\nstores: [{name: nas, directory: {path: "+path+"}}]\n")
			h.refused(t, exitConfig, "store nas: "+path, "below /mnt or /srv", "--yes", "--no-check")
		})
	}
	for _, path := range []string{"/mnt/b", "/srv", "/homes/b", "/var/lib/etcdward-backups"} {
		layout(t, "kubeadm-1.34").must(t, "--yes", "--name", "a", "--no-check", "--store-directory", path)
	}
	t.Run("a confinement that is lifted", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.write(t, "etc/systemd/system/etcdward.service.d/home.conf", "[Service]\nProtectHome=no\n")
		h.must(t, "--yes", "--name", "a", "--no-check", "--store-directory", "/home/b")
	})
	t.Run("a link", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink("/dev", link); err != nil {
			t.Fatal(err)
		}
		s := &setup{setupRequest: setupRequest{root: "/"}}
		s.files.service.beside.lifted = map[string]bool{"PrivateTmp": true} // for the test's own folder
		if c, is := s.confined(filepath.Join(link, "not-there/b")); !is || c.folder != "/dev" {
			t.Errorf("got %v", c)
		}
	})
}

// TestConfinementsAreTheUnits holds the folders to the options of the unit.
func TestConfinementsAreTheUnits(t *testing.T) {
	unit := read(t, "../../systemd/etcdward.service")
	for _, c := range confinements {
		if c.option != "" && !strings.Contains(unit, "\n"+c.option+"=yes\n") {
			t.Errorf("%s: the unit has no %s=yes", c.folder, c.option)
		}
	}
}

const plainConfig = "cluster:\n  name: a\n  endpoints: [https://127.0.0.1:2379]\n  ca_file: /etc/kubernetes/pki/etcd/ca.crt # ours\n" +
	"  cert_file: /etc/kubernetes/pki/etcd/healthcheck-client.crt\n  key_file: /etc/kubernetes/pki/etcd/healthcheck-client.key\n" +
	"stores: [{name: nas, directory: {path: /b}}]\n"

// TestSetupPlainFiles holds that a path in the configuration is one that the agent can read, or becomes a credential.
func TestSetupPlainFiles(t *testing.T) {
	const folder = "etc/kubernetes/pki/etcd/"
	mode := func(t *testing.T, h hostRoot, name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(filepath.Join(h.root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--yes", "--no-check"}
	t.Run("readable", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.write(t, hostConfig, plainConfig)
		mode(t, h, folder+"healthcheck-client.key", 0o644)
		h.must(t, args...)
		if got := h.read(t, hostConfig); got != plainConfig {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("what was found", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.write(t, hostConfig, plainConfig)
		mode(t, h, folder+"healthcheck-client.key", 0o600)
		h.must(t, args...)
		want := regexp.MustCompile(`(ca|cert|key)_file: \S+`).ReplaceAllString(plainConfig, "${1}_file: credential:etcd-$1")
		if got := h.read(t, hostConfig); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got := h.read(t, serviceDropIn); !strings.Contains(got, "LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/healthcheck-client.key\n") {
			t.Errorf("got\n%s", got)
		}
		before := h.state(t)
		h.must(t, args...)
		h.unchanged(t, before)
	})
	t.Run("others, and a flag that names them", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.write(t, hostConfig, strings.ReplaceAll(plainConfig, "healthcheck-client", "x"))
		for _, name := range []string{"x.crt", "x.key"} {
			h.write(t, folder+name, "")
			mode(t, h, folder+name, 0o600)
		}
		h.refused(t, exitFailed, "/etc/kubernetes/pki/etcd/x.crt", "leave cluster.ca_file, cert_file and key_file out", args...)
		h.must(t, append(args, "--ca-file", "/etc/kubernetes/pki/etcd/ca.crt", "--cert-file", "/etc/kubernetes/pki/etcd/server.crt", "--key-file", "/etc/kubernetes/pki/etcd/server.key")...)
		if got := h.read(t, serviceDropIn); !strings.Contains(got, "LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/server.key\n") || strings.Contains(got, "etcd-ca") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("a store's", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.write(t, "root/s3", "") // all may read it, and yet the unit hides /root
		h.write(t, hostConfig, "cluster: {name: a}\nstores: [{name: x, s3: {bucket: bbb, region: r, credentials_file: /root/s3}}]\n")
		h.refused(t, exitFailed, "/root/s3: ProtectHome= hides /root", "write credential:NAME in its place, and repeat with --credential NAME=/root/s3", args...)
		h.must(t, append(args, "--store-s3", "bbb", "--s3-credentials-file", "/root/s3")...)
		if got := h.read(t, hostConfig); !strings.Contains(got, "credentials_file: credential:s3-x}") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("not there", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		h.write(t, hostConfig, "cluster: {name: a}\nstores: [{name: x, s3: {bucket: bbb, region: r, credentials_file: /etc/s3}}]\n")
		h.refused(t, exitFailed, "etc/s3: no such file", "--credential", args...)
	})
}

// TestAgentReads holds how rights are judged where nobody can act as the agent.
func TestAgentReads(t *testing.T) {
	const passwd, group = "root:x:0:0::/root:/bin/sh\netcdward:x:65534:65534::/:/x\n", "root:x:0:\netcd:x:65533:a,etcdward\n"
	for name, c := range map[string]struct {
		passwd       string
		folder, file os.FileMode
		uid, gid     int
		may          bool
	}{
		"all may":              {passwd, 0o755, 0o644, 0, 0, true},
		"root alone":           {passwd, 0o755, 0o600, 0, 0, false},
		"a folder of root":     {passwd, 0o700, 0o644, 0, 0, false},
		"its own":              {passwd, 0o755, 0o400, 65534, 0, true},
		"its own, and not":     {passwd, 0o755, 0o044, 65534, 0, false},
		"of a group it is in":  {passwd, 0o755, 0o640, 0, 65533, true},
		"of another group":     {passwd, 0o755, 0o640, 0, 65532, false},
		"there is no user yet": {"", 0o755, 0o640, 65534, 65533, false},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				c.uid, c.gid, c.may = -1, -1, c.may && c.file&0o4 != 0 // nobody but root gives files away
			}
			h := hostRoot{t.TempDir()}
			h.write(t, "etc/passwd", c.passwd)
			h.write(t, "etc/group", group)
			h.write(t, "pki/key", "")
			for name, mode := range map[string]os.FileMode{"pki": c.folder, "pki/key": c.file} {
				path := filepath.Join(h.root, name)
				if err := errors.Join(os.Chown(path, -1, -1), os.Chmod(path, mode)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chown(filepath.Join(h.root, "pki/key"), c.uid, c.gid); err != nil {
				t.Fatal(err)
			}
			s := &setup{setupRequest: setupRequest{root: h.root}, tree: os.DirFS(h.root)}
			if err := s.agentReads("/pki/key"); (err == nil) != c.may || err != nil && !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAsUserHasItsGroups holds that a file is tried with the groups that systemd gives the agent.
func TestAsUserHasItsGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		return // nobody but root can become another
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := groupsOf(u)
	if err != nil || len(groups) == 0 {
		t.Fatalf("got %v, %v", groups, err)
	}
	const extra = 65531
	file := filepath.Join(t.TempDir(), "x")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, 0, extra), os.Chmod(file, 0o640)); err != nil {
		t.Fatal(err)
	}
	for above := filepath.Dir(file); above != os.TempDir() && above != "/"; above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	look := func(groups ...uint32) error {
		return asUserIn(65534, 65534, groups, func() error { _, err := os.ReadFile(file); return err })
	}
	if err := look(extra); err != nil {
		t.Errorf("as one of the group: %v", err)
	}
	if err := look(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("as a stranger: %v", err)
	}
}

// TestSetupOtherConfig holds that a configuration which the unit does not read has no part in its drop-ins.
func TestSetupOtherConfig(t *testing.T) {
	run := func(args ...string) result {
		return site{config: "/srv/other.yaml", state: t.TempDir()}.etcdward(t, append([]string{"setup", "--dry-run", "--name", "a"}, args...)...)
	}
	if r := run(); r.code != exitUsage || !strings.Contains(r.err, "reads /etc/etcdward/config.yaml, and not /srv/other.yaml") || !strings.Contains(r.err, "--no-start") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	t.Setenv("ETCDWARD_CONFIG", "")
	if path, err := configOnHost("/srv/other.yaml", setupRequest{root: "/", noStart: true}); err != nil || path != "/srv/other.yaml" {
		t.Errorf("got %s, %v", path, err)
	}
	h := layout(t, "kubeadm-1.34")
	r := h.must(t, "--yes", "--name", "a", "--no-check", "--store-directory", "/tmp/b", "--config", "/srv/other.yaml")
	if got := h.read(t, "srv/other.yaml"); !strings.Contains(got, "path: /tmp/b") {
		t.Errorf("got\n%s", got)
	}
	for _, file := range []string{serviceDropIn, certsDropIn, renewDropIn, hostConfig} {
		if _, err := os.Stat(filepath.Join(h.root, file)); err == nil {
			t.Errorf("%s was written", file)
		}
	}
	if !strings.Contains(r.err, "No drop-ins were written") || !strings.Contains(r.out, "--config /srv/other.yaml --no-start") {
		t.Errorf("it says\n%s%s", r.out, r.err)
	}
}

// TestSetupMissingSources holds that a file which systemd could not hand over is named, when it is new and when nothing differs.
func TestSetupMissingSources(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	args := []string{"--yes", "--name", "a", "--store-s3", "bbb", "--s3-region", "r", "--s3-credentials-file", "/root/s3"}
	h.refused(t, exitFailed, "/root/s3 is not there (credential s3-primary)", "put the file there", args...)
	h.refused(t, exitFailed, "/root/g is not there (credential gcs-primary)", "put the file there", "--yes", "--name", "a", "--store-gcs", "bbb", "--gcs-credentials-file", "/root/g")
	h.write(t, "root/s3", "keys")
	h.must(t, append(args, "--no-check")...)
	if r := h.must(t, "--yes"); !strings.Contains(r.out, "Nothing differs") {
		t.Errorf("it says %s", r.out)
	}
	if err := os.Remove(filepath.Join(h.root, "root/s3")); err != nil {
		t.Fatal(err)
	}
	h.refused(t, exitFailed, "/root/s3 is not there (credential s3-primary)", "--credential NAME=PATH", "--yes")
	if r := h.must(t, "--yes", "--no-check"); !strings.Contains(r.out, "Note: /root/s3 is not there") {
		t.Errorf("it says %s", r.out)
	}
	h.write(t, "root/s3/x", "")
	h.refused(t, exitFailed, "/root/s3 is a folder", "put the file there", "--yes")
	h.refused(t, exitFailed, "/root/p is not there (credential s3-primary)", "put the file there", "--yes", "--credential", "s3-primary=/root/p")
	// One that an operator's drop-in names counts as much.
	h.write(t, "etc/systemd/system/etcdward.service.d/more.conf", "[Service]\nLoadCredentialEncrypted=mine:/etc/mine.cred\n")
	h.refused(t, exitFailed, "/etc/mine.cred is not there (credential mine)", "put the file there", "--yes")
}

// TestStartWithoutCredential holds that the file is named when systemd ends a start with 243/CREDENTIALS.
func TestStartWithoutCredential(t *testing.T) {
	for status, names := range map[string]bool{"243": true, "1": false} {
		folder := fakeSystemctl(t)
		if err := errors.Join(os.WriteFile(filepath.Join(folder, "broken"), nil, 0o644), os.WriteFile(filepath.Join(folder, "status"), []byte(status+"\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
		c := systemctl{lacking: func() []string { return lacking(os.DirFS("/"), []handedFile{{"s3-primary", "/nonexistent/s3"}}) }}
		err := c.apply(t.Context(), []string{serviceUnit}, unitChanges{})
		if err == nil || strings.Contains(err.Error(), "243/CREDENTIALS: a credential could not be handed over; /nonexistent/s3 is not there (credential s3-primary)") != names {
			t.Errorf("status %s: %v", status, err)
		}
	}
}

// TestSetupUnknownCredential holds that --credential for a name that nothing asks for is an error.
func TestSetupUnknownCredential(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	args := []string{"--yes", "--name", "a", "--no-check", "--store-directory", "/b", "--credential"}
	h.refused(t, exitUsage, "names no credential:bogus", "it names etcd-ca, etcd-cert, etcd-key", append(args, "bogus=/x")...)
	h.write(t, "etc/systemd/system/etcdward.service.d/more.conf", "[Service]\nLoadCredential=etcd-ca:/etc/kubernetes/pki/etcd/ca.crt\n")
	h.refused(t, exitUsage, "beside setup's names the file of etcd-ca already", "systemctl cat", append(args, "etcd-ca=/x")...)
	debian := layout(t, "debian")
	debian.refused(t, exitUsage, "names no credential, and so not x", "--help", append(args, "x=/x")...)
}

// TestSetupOtherHosts holds that the command for the other hosts names what this one was told of etcd.
func TestSetupOtherHosts(t *testing.T) {
	h := layout(t, "empty")
	etcd := "--endpoint https://a:2379 --endpoint https://b:2379 --ca-file /x/ca --cert-file /x/c --key-file /x/k"
	r := h.must(t, append(strings.Fields(etcd), "--yes", "--name", "a", "--no-check", "--store-directory", "/b")...)
	if !strings.Contains(r.out, "etcdward setup --yes --name a "+etcd+" --store-directory /b") {
		t.Errorf("it says\n%s", r.out)
	}
	// The flags of a later run are not all that makes the configuration.
	h = layout(t, "kubeadm-1.34")
	h.write(t, "root/s3", "in place of keys")
	h.must(t, "--yes", "--name", "a", "--no-check", "--store-s3", "bbb", "--s3-region", "r", "--s3-credentials-file", "/root/s3")
	r = h.must(t, "--yes", "--no-check", "--recipient", "age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237")
	if want := "copy /etc/etcdward/config.yaml there, then etcdward setup --yes --credential s3-primary=/root/s3\n"; !strings.Contains(r.out, want) {
		t.Errorf("it lacks %q\n%s", want, r.out)
	}
}

// TestSetupStaysInRoot holds that nothing is written through a link that leads out of --root.
func TestSetupStaysInRoot(t *testing.T) {
	for _, folder := range []string{"etc/etcdward", "etc/systemd/system", "etc/systemd/system/etcdward.service.d"} {
		t.Run(folder, func(t *testing.T) {
			h, outside := layout(t, "kubeadm-1.34"), t.TempDir()
			link := filepath.Join(h.root, folder)
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(outside, link)); err != nil {
				t.Fatal(err)
			}
			r := h.setup(t, "--yes", "--name", "a", "--no-check", "--store-directory", "/b")
			if r.code != exitFailed || !strings.Contains(r.err, "leads out of --root") || !strings.Contains(r.err, "\nTry: ") {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
				t.Errorf("outside is %v, %v", left, err)
			}
			// Not even by a link that comes after the look.
			err := setupFile{filepath.Join(link, "config.yaml"), nil, []byte("x")}.write(h.root)
			if left, _ := os.ReadDir(outside); err == nil || len(left) > 0 {
				t.Errorf("outside is %v, %v", left, err)
			}
		})
	}
	h := layout(t, "kubeadm-1.34")
	if err := os.Symlink(t.TempDir(), filepath.Join(h.root, "mnt")); err != nil {
		t.Fatal(err)
	}
	s := &setup{setupRequest: setupRequest{root: h.root}}
	if _, err := s.seenFromHere(config.Store{Directory: &config.Directory{Path: "/mnt"}}, nil); err == nil {
		t.Error("a store is tried through a link that leads out")
	}
	h.write(t, "srv/etcdward/x", "")
	if err := os.Symlink("../srv/etcdward", filepath.Join(h.root, "etc/etcdward")); err != nil {
		t.Fatal(err)
	}
	h.must(t, "--yes", "--name", "a", "--no-check", "--store-directory", "/b")
	if h.read(t, "srv/etcdward/config.yaml") == "" {
		t.Error("a link inside is not followed")
	}
}

func TestNotItsOwn(t *testing.T) {
	if hint := hintFor(tried{notItsOwn(fs.ErrPermission, "/mnt/a b")}); !strings.HasPrefix(hint, "chown -R etcdward: '/mnt/a b'; ") {
		t.Errorf("the way out is %q", hint)
	}
}
