package main

import (
	"strings"
	"testing"
)

// TestSetupOtherConfig holds that a configuration which the unit does not read has no part in its drop-ins.
func TestSetupOtherConfig(t *testing.T) {
	run := func(args ...string) result {
		return site{config: "/srv/other.yaml", state: t.TempDir()}.etcdward(t, append([]string{"setup", "--dry-run", "--name", "a"}, args...)...)
	}
	if r := run(); r.code != exitUsage || !strings.Contains(r.err, "reads /etc/etcdward/config.yaml, and not /srv/other.yaml") || !strings.Contains(r.err, "--no-start") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	h := layout(t, "kubeadm-1.34")
	r := h.must(t, "--yes", "--name", "a", "--no-check", "--store-directory", "/tmp/b", "--config", "/srv/other.yaml")
	if !strings.Contains(r.err, "No drop-ins were written") || !strings.Contains(r.out, "--config /srv/other.yaml --no-start") {
		t.Errorf("it says\n%s%s", r.out, r.err)
	}
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
	h.Write(t, "root/s3", "in place of keys")
	h.must(t, "--yes", "--name", "a", "--no-check", "--store-s3", "bbb", "--s3-region", "r", "--s3-credentials-file", "/root/s3")
	r = h.must(t, "--yes", "--no-check", "--recipient", "age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237")
	if want := "copy /etc/etcdward/config.yaml there, then etcdward setup --yes --credential s3-primary=/root/s3\n"; !strings.Contains(r.out, want) {
		t.Errorf("it lacks %q\n%s", want, r.out)
	}
}

// TestSetupSaysWhatIsMissing holds that a file which systemd could not hand over is shown, though nothing differs.
func TestSetupSaysWhatIsMissing(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	r := h.must(t, "--yes", "--name", "a", "--no-check", "--store-s3", "bbb", "--s3-region", "r", "--s3-credentials-file", "/root/s3")
	if !strings.Contains(r.out, "Note: /root/s3 is not there") {
		t.Errorf("it says %s", r.out)
	}
	if r := h.setup(t, "--yes"); r.code != exitFailed || !strings.Contains(r.err, "/root/s3 is not there (credential s3-primary)") || !strings.Contains(r.err, "\nTry: put the file there") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
