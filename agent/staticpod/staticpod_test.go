package staticpod

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// pod is a manifest with one container.
func pod(container string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: etcd, namespace: kube-system, labels: {zone: z1}}\nspec:\n  hostNetwork: true\n  containers:\n" + container
}

// TestRunning reads what a program in a pod was told, in each form that a manifest has for it.
func TestRunning(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"command":                              {pod("  - command: [etcd, --name=a]\n"), "a"},
		"command and args":                     {pod("  - command: [/usr/local/bin/etcd]\n    args: [--name, a]\n"), "a"},
		"args of etcd's image":                 {pod("  - image: registry.example/etcd:3.6.5-0\n    args: [--name=a]\n"), "a"},
		"args, with the program":               {pod("  - image: quay.io/coreos/etcd:v3.5.0\n    args: [/usr/local/bin/etcd, --name=a]\n"), "a"},
		"the environment":                      {pod("  - command: [etcd]\n    env: [{name: ETCD_NAME, value: a}]\n"), "a"},
		"the image's own command":              {pod("  - name: etcd\n    env: [{name: ETCD_NAME, value: a}]\n"), "a"},
		"a flag before it":                     {pod("  - command: [etcd, --name=a]\n    env: [{name: ETCD_NAME, value: b}]\n"), "a"},
		"a variable":                           {pod("  - command: [etcd, --name=$(N)]\n    env: [{name: N, value: a}]\n"), "a"},
		"a variable of another":                {pod("  - command: [etcd, --name=$(N)]\n    env: [{name: M, value: x}, {name: N, value: $(M)-1}]\n"), "x-1"},
		"the node":                             {pod("  - command: [etcd, --name=$(N)]\n    env: [{name: N, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]\n"), "cp-1"},
		"the pod":                              {pod("  - command: [etcd, --name=$(N)]\n    env: [{name: N, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]\n"), "etcd-cp-1"},
		"a label":                              {pod("  - command: [etcd, --name=$(N)]\n    env: [{name: N, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['zone']\"}}}]\n"), "z1"},
		"an address":                           {pod("  - command: [etcd, --name=$(N)]\n    env: [{name: N, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]\n"), "$(N) unresolved"},
		"a variable of nobody":                 {pod("  - command: [etcd, --name=$(N)]\n"), "$(N) unresolved"},
		"no variable":                          {pod("  - command: [etcd, --name=$$(N)]\n"), "$(N)"},
		"a shell":                              {pod("  - command: [sh, -ec]\n    args:\n    - |\n      set -e\n      exec etcd --name=$(hostname)\n"), "cp-1"},
		"a shell, with a variable of the pod":  {pod("  - command: [sh, -c, 'exec etcd --name=${N}']\n    env: [{name: N, value: a}]\n"), "a"},
		"envFrom":                              {pod("  - command: [etcd, --data-dir=/d]\n    envFrom: [{configMapRef: {name: x}}]\n"), " unseen line 8: envFrom"},
		"beside a sidecar":                     {pod("  - name: first\n    command: [sleep, infinity]\n  - command: [etcd, --name=a]\n"), "a"},
		"a sidecar that is an init container":  {"spec: {initContainers: [{command: [etcd, --name=a], restartPolicy: Always}], containers: [{command: [sleep]}]}", "a"},
		"an init container":                    {"spec: {initContainers: [{command: [etcd, --name=a]}], containers: [{command: [sleep]}]}", "none"},
		"JSON with tabs":                       {"{\n\t\"kind\": \"Pod\",\n\t\"spec\": {\"containers\": [{\"command\":\n\t\t[\"etcd\", \"--name=a\"]}]}}", "a"},
		"the first of two documents":           {pod("  - command: [etcd, --name=a]\n") + "---\n" + pod("  - command: [etcd, --name=b]\n"), "a more"},
		"a script":                             {pod("  - name: etcd\n    command: [/start.sh, --name=a]\n"), "problem m:8: it runs etcd by what cannot be read here: line 8: /start.sh"},
		"a script in another's container":      {pod("  - name: tool\n    command: [/start.sh, --name=a]\n"), "none"},
		"two containers":                       {pod("  - command: [etcd, --name=a]\n  - command: [etcd, --name=b]\n"), "problem m:7: 2 containers run etcd"},
		"two starts":                           {pod("  - command: [sh, -c, 'etcd --name=a & etcd --name=b']\n"), "problem m:7: it starts etcd in 2 places"},
		"a command that is no list":            {pod("  - name: etcd\n    command: etcd\n"), "problem m:8: command is no list"},
		"a command of another that is no list": {pod("  - name: tool\n    command: etcd\n  - command: [etcd, --name=a]\n"), "a"},
		"a Deployment":                         {"kind: Deployment\nspec: {containers: [{command: [etcd]}]}", "none"},
		"nothing but comments":                 {"# moved away\n", "none"},
		"another program of a similar name":    {pod("  - command: [etcd-backup, --name=a]\n"), "none"},
		"hyperkube":                            {pod("  - command: [/hyperkube, etcd, --name=a]\n"), "a"},
	} {
		t.Run(name, func(t *testing.T) {
			m := Parse("m", []byte(c.text), "cp-1")
			p, runs, err := m.Running("etcd", "ETCD_")
			got := p.Get("name")
			if p.Of["name"].Unresolved {
				got += " unresolved"
			}
			for _, u := range p.Unseen {
				got += " unseen " + u
			}
			if m.More {
				got += " more"
			}
			if !runs {
				got = "none"
			}
			if err != nil {
				got = "problem " + err.Error()
				var problem *hostfile.Problem
				if !errors.As(err, &problem) {
					t.Errorf("%T is no problem", err)
				}
			}
			if got != c.want && !(err != nil && strings.HasPrefix(got, c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestWhatTheKubeletReads lists files as the kubelet does: any ending, links, no dot files, no folders.
func TestWhatTheKubeletReads(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "manifests")
	err := errors.Join(os.MkdirAll(filepath.Join(folder, "below"), 0o700), os.Symlink("../away.yaml", filepath.Join(folder, "link")),
		os.Symlink("nowhere", filepath.Join(folder, "broken")), os.WriteFile(filepath.Join(dir, "away.yaml"), []byte(pod("  - command: [etcd]\n")), 0o600))
	for _, name := range []string{"a.yaml", "b.yaml.bak", "c", "d.json~", ".e.yaml", ".f.yaml.swp", "below/g.yaml"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), []byte(pod("  - command: [etcd]\n")), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := Read(os.DirFS("/"), folder, "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range all {
		if _, runs, err := m.Running("etcd", ""); !runs || err != nil || m.File != filepath.Join(folder, m.Name) {
			t.Errorf("%+v: %v", m, err)
		}
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "a.yaml b.yaml.bak c d.json~ link" {
		t.Errorf("got %s", got)
	}
	if _, err := Read(os.DirFS("/"), filepath.Join(dir, "none"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if one, err := Read(os.DirFS("/"), filepath.Join(folder, "a.yaml"), ""); err != nil || len(one) != 1 {
		t.Errorf("one file in place of a folder: %v %v", one, err)
	}
}

// TestOfHost reads what the kubelet was told, in each place where a distribution tells it.
func TestOfHost(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  Kubelet
	}{
		"nothing":              {nil, Kubelet{Folder: DefaultFolder}},
		"kubeadm":              {map[string]string{"var/lib/kubelet/config.yaml": "staticPodPath: /etc/kubernetes/manifests\n", "etc/hostname": "CP-1\n"}, Kubelet{Folder: DefaultFolder, From: kubeletConfig, NodeName: "cp-1"}},
		"another folder":       {map[string]string{"var/lib/kubelet/config.yaml": "staticPodPath: /srv/pods/\n"}, Kubelet{Folder: "/srv/pods", From: kubeletConfig}},
		"a drop-in":            {map[string]string{"var/lib/kubelet/config.yaml": "staticPodPath: /a\n", "etc/kubernetes/kubelet.conf.d/20.conf": "staticPodPath: /b\n"}, Kubelet{Folder: "/b", From: "/etc/kubernetes/kubelet.conf.d/20.conf"}},
		"a flag":               {map[string]string{"var/lib/kubelet/config.yaml": "staticPodPath: /a\n", "var/lib/kubelet/kubeadm-flags.env": "KUBELET_KUBEADM_ARGS=\"--hostname-override=n1 --pod-manifest-path=/c\"\n"}, Kubelet{Folder: "/c", From: "/var/lib/kubelet/kubeadm-flags.env", NodeName: "n1"}},
		"its config elsewhere": {map[string]string{"etc/default/kubelet": "KUBELET_EXTRA_ARGS=--config=/k.yaml\n", "k.yaml": "staticPodPath: /d\n"}, Kubelet{Folder: "/d", From: "/k.yaml"}},
		"what is no YAML":      {map[string]string{"var/lib/kubelet/config.yaml": "a: [", "etc/default/kubelet": "if true\n"}, Kubelet{Folder: DefaultFolder}},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, err := OfHost(root); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// FuzzParse holds that no manifest makes it panic or hang.
func FuzzParse(f *testing.F) {
	f.Add([]byte(pod("  - command: [sh, -c, 'exec etcd --name=$(N)']\n    env: [{name: N, value: a}]\n")))
	f.Add([]byte("spec: &a {containers: [{command: [etcd], env: *a}], x: *a}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := Parse("m", text, "n")
		for _, program := range []string{"etcd", "kube-apiserver"} {
			if _, _, err := m.Running(program, "ETCD_"); err != nil && m.Lacks(program) == nil {
				t.Error("it lacks nothing")
			}
		}
	})
}
