package kubeadm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/fault"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// podText is a static pod of etcd as nobody but a person would write it.
func podText(command, more, volume string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system}
spec:
  containers:
  - name: sidecar
    image: example.org/sidecar:3.9.9
    command: [sidecar, --name=wrong]
  - name: etcd
    image: registry.k8s.io/etcd:3.5.21-0@sha256:d58c035df557080a27387d687092e3fc2b64c6d0e3162dc51453a115f847d121
    %s
    %s
    volumeMounts:
    - {name: all, mountPath: /var}
    - {name: data, mountPath: /var/lib/etcd, subPath: deep}
  volumes:
  - {name: all, hostPath: {path: /srv/var}}
  - %s
`, command, more, volume)
}

const onHost = "{name: data, hostPath: {path: /srv/etcd}}"

// TestManifests reads what flags, arguments and variables say, and refuses what cannot be read.
func TestManifests(t *testing.T) {
	const url = "https://[fd00::1]:2380"
	for _, c := range []struct{ name, text, want string }{
		{"equals signs", podText("command: [etcd, --name=a, --data-dir=/var/lib/etcd/x, '--initial-advertise-peer-urls="+url+"']", "", onHost), "a [" + url + "] /srv/etcd/deep/x 3.5.21"},
		{"words", podText("command: [/usr/local/bin/etcd, --name, a, --data-dir, /var/lib/etcd/, --initial-advertise-peer-urls, '"+url+"']", "", onHost), "a [" + url + "] /srv/etcd/deep 3.5.21"},
		{"one dash, in args", podText("command: [etcd]", "args: [-name=a, '-initial-advertise-peer-urls="+url+"']", onHost), "a [" + url + "] /srv/etcd/deep 3.5.21"},
		{"args alone", podText("args: [--name=a, --data-dir=/var/lib/other, '--initial-advertise-peer-urls="+url+"']", "", onHost), "a [" + url + "] /srv/var/lib/other 3.5.21"},
		{"the last counts", podText("command: [etcd, --name=b, --name=a, '--initial-advertise-peer-urls="+url+"']", "", onHost), "a [" + url + "] /srv/etcd/deep 3.5.21"},
		{"environment", podText("command: [etcd, --initial-advertise-peer-urls=$(URL)]", "env: [{name: ETCD_NAME, value: a}, {name: URL, value: '"+url+"'}]", onHost), "a [" + url + "] /srv/etcd/deep 3.5.21"},
		{"a variable of elsewhere", podText("command: [etcd, --name=$(NODE), '--initial-advertise-peer-urls="+url+"']", "", onHost), "error: --name=$(NODE) has a variable"},
		{"a shell", podText("command: [/bin/sh, -ec, 'exec etcd --name=a --initial-advertise-peer-urls="+url+"']", "", onHost), "a [" + url + "] /srv/etcd/deep 3.5.21"},
		{"a shell that runs a file", podText("command: [/bin/sh, /start.sh, --name=a]", "", onHost), "error: line 11: it runs etcd by what cannot be read here: line 11: the script /start.sh"},
		{"a wrapper", podText("command: [/usr/local/bin/start-etcd, --name=a]", "", onHost), "error: line 11: it runs etcd by what cannot be read here: line 11: /usr/local/bin/start-etcd"},
		{"variables of a file", podText("command: [/bin/sh, -c, '. /etc/etcd.env; exec etcd --name=a']", "", onHost), "error: "},
		{"a file", podText("command: [etcd, --config-file=/etc/etcd.yaml]", "", onHost), "error: etcd has --config-file=/etc/etcd.yaml"},
		{"a log apart", podText("command: [etcd, --name=a, --wal-dir, /wal]", "", onHost), "error: etcd has --wal-dir=/wal"},
		{"in the container", podText("command: [etcd, --name=a, '--initial-advertise-peer-urls="+url+"']", "", "{name: data, emptyDir: {}}"), "error: /var/lib/etcd in the container is on no hostPath volume"},
		{"no peer", podText("command: [etcd, --name=a]", "", onHost), "error: member a: peer URL \"\""},
		{"no yaml", "a: [", "error: go-yaml load error"},
		{"no pod", "kind: Pod", "error: it is no pod with a container"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "etcd.yaml"), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			h, err := Read(dir, "")
			got := fmt.Sprintf("%s %v %s %s", h.Name, h.PeerURLs, h.DataDir, h.EtcdVersion)
			if err != nil {
				got = "error: " + strings.ReplaceAll(err.Error(), "read "+filepath.Join(dir, "etcd.yaml")+": ", "")
			}
			if got != c.want && !(err != nil && strings.HasPrefix(got, c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestSecondManifest refuses copies in the folder that the kubelet watches, and lets be what it does not run.
func TestSecondManifest(t *testing.T) {
	etcd, err := os.ReadFile("testdata/kubeadm-1.34/etcd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	other := "spec: {containers: [{name: vip, command: [kube-vip]}]}"
	for _, c := range []struct{ name, text, says string }{
		{"etcd.yaml.bak", string(etcd), "another manifest with etcd in it"},
		{"etcd-2024.yaml", strings.ReplaceAll(string(etcd), "- etcd\n", "- etcd-wrapper\n"), "another manifest with the data directory in it"},
		{"backup", strings.ReplaceAll(string(etcd), "- etcd\n", "- kube-apiserver\n"), "another manifest with kube-apiserver in it"},
		{".etcd.yaml.swp", string(etcd), ""},
		{"kube-vip.yaml", other, ""},
		{"README", "do not touch: [", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "manifests")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"etcd.yaml": string(etcd), c.name: c.text} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			h, err := Read(dir, dir+"-aside")
			if err != nil {
				t.Fatal(err)
			}
			err = h.Check(h.Member)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(fault.Hint(err), "move it out")) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestReadHost holds what is read from the manifests that kubeadm writes.
func TestReadHost(t *testing.T) {
	h, err := Read("testdata/kubeadm-1.34", "")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %s %v %v %v %s", h.Member, h.EtcdVersion, h.Files, h.EtcdURLs, h.Others, h.Health)
	want := "{cp-0 [https://192.168.1.10:2380] /var/lib/etcd} 3.6.5 [kube-apiserver.yaml kube-controller-manager.yaml kube-scheduler.yaml etcd.yaml] " +
		"[https://127.0.0.1:2379 https://192.168.1.10:2379 https://192.168.1.10:2380 http://127.0.0.1:2381] " +
		"[https://192.168.1.10:6443 https://127.0.0.1:10257 https://127.0.0.1:10259] http://127.0.0.1:2381"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := Read(t.TempDir(), ""); err == nil {
		t.Error("a folder without manifests")
	}
}
