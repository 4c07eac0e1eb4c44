package apiserver

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// pod is a manifest of kube-apiserver with these lines in its container.
func pod(lines string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver, namespace: kube-system}\nspec:\n  containers:\n  - name: kube-apiserver\n    image: registry.k8s.io/kube-apiserver:v1.34.3\n" + lines
}

// TestWarnings compares what is kept with what the kube-apiserver of a host keeps, however it was told.
func TestWarnings(t *testing.T) {
	command := func(flags string) string { return pod("    command: [kube-apiserver, " + flags + "]\n") }
	for name, test := range map[string]struct {
		file, text string
		keep       time.Duration
		says       string // "" for nothing
	}{
		"no kube-apiserver":               {"etc/kubernetes/manifests/README", "not a pod", time.Minute, ""},
		"the default, enough":             {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--secure-port=6443"), 5 * time.Minute, ""},
		"the default, too little":         {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--secure-port=6443"), 4 * time.Minute, "4m0s is shorter than the --etcd-compaction-interval of kube-apiserver, 5m0s"},
		"an interval of its own":          {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--etcd-compaction-interval=30m"), 10 * time.Minute, "30m0s in /etc/kubernetes/manifests/kube-apiserver.yaml"},
		"in two words":                    {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--etcd-compaction-interval, 30m"), 10 * time.Minute, "30m0s"},
		"as args, in a file of any name":  {"etc/kubernetes/manifests/anything", pod("    command: [kube-apiserver]\n    args: [\"--etcd-compaction-interval=1h\"]\n"), 10 * time.Minute, "1h0m0s in /etc/kubernetes/manifests/anything"},
		"never":                           {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--etcd-compaction-interval=0"), time.Second, ""},
		"no duration":                     {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--etcd-compaction-interval=soon"), 10 * time.Minute, `"soon" is no duration`},
		"a variable that nobody gives":    {"etc/kubernetes/manifests/kube-apiserver.yaml", command("--etcd-compaction-interval=$(EVERY)"), 10 * time.Minute, "not compared"},
		"a script that nobody can see in": {"etc/kubernetes/manifests/kube-apiserver.yaml", pod("    command: [/start-kube-apiserver.sh]\n"), 10 * time.Minute, "not compared"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Warnings(fstest.MapFS{test.file: {Data: []byte(test.text)}}, test.keep)
			if test.says == "" && len(got) > 0 || test.says != "" && (len(got) != 1 || !strings.Contains(got[0], test.says)) {
				t.Errorf("got %q, want %q", got, test.says)
			}
		})
	}
}
