package discover

import (
	"os"
	"testing"
	"testing/fstest"
)

// FuzzFind holds that no file makes it panic, hang, or return what a unit or a terminal would read as more than a path.
func FuzzFind(f *testing.F) {
	names := []string{"etc/kubernetes/manifests/etcd.yaml", "var/lib/rancher/k3s/server/db/etcd/config", "etc/etcd.env", "etc/default/etcd"}
	for i, file := range []string{"kubeadm-1.34/" + names[0], "k3s/" + names[1], "kubespray/" + names[2], "debian-tls/" + names[3]} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, text)
	}
	f.Add(0, []byte("spec: &a {containers: [{command: [etcd, '--data-dir=/\n'], x: *a}]}"))
	f.Fuzz(func(t *testing.T, which int, text []byte) {
		root := fstest.MapFS{names[(which%4+4)%4]: {Data: text}, "ca": {}, "crt": {}, "key": {}}
		h, err := Find(root)
		if err != nil {
			return
		}
		for _, s := range append([]string{h.Member, h.DataDir, h.CAFile, h.CertFile, h.KeyFile, h.MetricsURL, h.ClusterName}, h.Endpoints...) {
			if !printable(s) {
				t.Errorf("a control character in %q", s)
			}
		}
		if len(h.Endpoints) == 0 || (h.CertFile == "") != (h.KeyFile == "") {
			t.Errorf("got %+v", h)
		}
	})
}
