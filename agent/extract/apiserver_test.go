package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/etcdward/etcdward/agent/extract/unlock"
	"github.com/etcdward/etcdward/test/apiserver"
	"github.com/etcdward/etcdward/test/cluster"
	testfixture "github.com/etcdward/etcdward/test/fixture"
)

// unpacked writes a snapshot of testdata for a test, which gets its path.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	return testfixture.File(t, filepath.Join("testdata", name), t.TempDir())
}

// applyAll applies what was extracted, folder by folder, as docs/extract.md has it, and returns what kubectl said of each object.
func applyAll(t *testing.T, s *apiserver.Server, folder string) []string {
	t.Helper()
	steps, err := filepath.Glob(filepath.Join(folder, objectsName, "[01]*"))
	if err != nil || len(steps) == 0 {
		t.Fatalf("%s: %v %v", folder, steps, err)
	}
	var said []string
	for _, step := range steps {
		out, err := s.Kubectl(t, "apply", "-R", "-f", step)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(step), err)
		}
		said = append(said, strings.Split(strings.TrimSpace(out), "\n")...)
	}
	return said
}

// applyAtOnce does the same with one command, which needs the CustomResourceDefinitions to be there.
func applyAtOnce(t *testing.T, s *apiserver.Server, folder string) []string {
	t.Helper()
	all := filepath.Join(folder, objectsName)
	if _, err := s.Kubectl(t, "apply", "-R", "-f", filepath.Join(all, "02-definitions")); err != nil {
		t.Fatal(err)
	}
	out, err := s.Kubectl(t, "apply", "-R", "-f", all)
	if err != nil {
		t.Error(err)
	}
	return strings.Split(strings.TrimSpace(out), "\n")
}

// TestApplied applies all that was written of two whole clusters to a real API server of their release that has none of it.
func TestApplied(t *testing.T) {
	for name, apply := range map[string]func(*testing.T, *apiserver.Server, string) []string{
		"kubernetes-1.34-kinds.db.zst": applyAll, "kubernetes-1.34-custom.db.zst": applyAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			s := apiserver.Start(t, cluster.Start(t, cluster.Options{Members: 1, Plain: true, Args: []string{cluster.NoFsync}}))
			x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, unpacked(t, name))
			if !x.Whole() {
				t.Errorf("%+v", x.Outcome)
			}
			served := servedKinds(t, s)
			for key, line := range x.index {
				if kind := line.APIVersion + " " + line.Kind; line.File != "" && line.APIVersion != "lab.example.com/v1" && !served[kind] {
					t.Errorf("%s: the server does not serve %s", key, kind)
				}
			}
			if said := apply(t, s, x.folder); len(said) != x.Objects {
				t.Errorf("%d objects were written, %d applied", x.Objects, len(said))
			}
			holdToFiles(t, s, x)
		})
	}
}

// servedKinds are the kinds that a server serves, as "apiVersion kind".
func servedKinds(t *testing.T, s *apiserver.Server) map[string]bool {
	t.Helper()
	served := map[string]bool{}
	groups := []string{"/api/v1"}
	var list struct {
		Groups []struct {
			Versions []struct{ GroupVersion string }
		}
	}
	get := func(path string, into any) {
		t.Helper()
		out, err := s.Kubectl(t, "get", "--raw", path)
		if err == nil {
			err = json.Unmarshal([]byte(out), into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	get("/apis", &list)
	for _, group := range list.Groups {
		for _, version := range group.Versions {
			groups = append(groups, "/apis/"+version.GroupVersion)
		}
	}
	for _, path := range groups {
		var of struct {
			GroupVersion string
			Resources    []struct{ Name, Kind string }
		}
		get(path, &of)
		for _, resource := range of.Resources {
			if !strings.Contains(resource.Name, "/") {
				served[of.GroupVersion+" "+resource.Kind] = true
			}
		}
	}
	return served
}

// holdToFiles compares what the server has now with what was written: every field of a file is in the object.
func holdToFiles(t *testing.T, s *apiserver.Server, x extracted) {
	t.Helper()
	out, err := s.Kubectl(t, "get", "-R", "-f", filepath.Join(x.folder, objectsName), "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	have := map[string]map[string]any{}
	for _, item := range list.Items {
		meta, _ := item["metadata"].(map[string]any)
		namespace, _ := meta["namespace"].(string)
		have[fmt.Sprint(item["apiVersion"], item["kind"], namespace, meta["name"])] = item
	}
	for key, line := range x.index {
		if line.File == "" {
			continue
		}
		var want map[string]any
		unmarshal := json.Unmarshal
		if strings.HasSuffix(line.File, endYAML) {
			unmarshal = func(text []byte, into any) error { return yaml.UnmarshalStrict(text, into) }
		}
		if err := unmarshal(x.read(t, line.File), &want); err != nil {
			t.Fatal(err)
		}
		got := have[line.APIVersion+line.Kind+line.Namespace+line.Name]
		for _, field := range []string{"spec", "data", "rules", "status", "webhooks", "roleRef", "subjects"} {
			if want[field] != nil && (field != "status" || line.Kind == "Plain") {
				if missing := lacks(field, got[field], want[field]); missing != "" {
					t.Errorf("%s: %s", key, missing)
				}
			}
		}
	}
}

// lacks names a field of want that got has not, or has with another value. Defaults may come on top.
func lacks(path string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		of, _ := got.(map[string]any)
		for name, value := range want {
			if missing := lacks(path+"."+name, of[name], value); missing != "" && value != nil {
				return missing
			}
		}
		return ""
	case []any:
		of, _ := got.([]any)
		if len(of) < len(want) {
			return fmt.Sprintf("%s has %d elements, not %d", path, len(of), len(want))
		}
		for i := range want {
			if missing := lacks(fmt.Sprintf("%s[%d]", path, i), of[i], want[i]); missing != "" {
				return missing
			}
		}
		return ""
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Sprintf("%s is %v, not %v", path, got, want)
	}
	return ""
}

// TestUnlocked stores objects encrypted at rest by a real API server, one kind by each provider, and reads them from a snapshot
// of its etcd.
func TestUnlocked(t *testing.T) {
	const config = `
kind: EncryptionConfiguration
apiVersion: apiserver.config.k8s.io/v1
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: [{name: key1, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}
  - identity: {}
- resources: [configmaps]
  providers:
  - aesgcm: {keys: [{name: key1, secret: ZmVkY2JhOTg3NjU0MzIxMA==}]}
- resources: ["widgets.lab.example.com", serviceaccounts]
  providers:
  - secretbox: {keys: [{name: box, secret: YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=}, {name: old, secret: eWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=}]}
  - identity: {}
`
	path := filepath.Join(t.TempDir(), "encryption.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	etcd := cluster.Start(t, cluster.Options{Members: 1, Plain: true, Args: []string{cluster.NoFsync}})
	s := apiserver.Start(t, etcd, "--encryption-provider-config="+path)
	before := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, unpacked(t, "kubernetes-1.34-kinds.db.zst"))
	applyAll(t, s, before.folder)
	file := filepath.Join(t.TempDir(), "encrypted.db")
	etcd.Members[0].Etcdctl(t, "snapshot", "save", file)

	locked := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, file)
	if locked.Encrypted < 400 || locked.Unlocked != 0 || locked.Whole() {
		t.Errorf("without the keys: %+v", locked.Outcome)
	}
	keys, err := unlock.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	after := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true, Keys: keys}, file)
	if after.Encrypted != 0 || after.Unlocked < 400 || !after.Whole() {
		t.Errorf("with the keys: %+v", after.Outcome)
	}
	for key, line := range before.index {
		if line.Kind != "Secret" && line.Kind != "ConfigMap" && line.Kind != "Widget" && line.Kind != "ServiceAccount" {
			continue
		}
		if line.LeftOut != "" {
			continue
		}
		var want, got map[string]any
		before.into(t, key, &want)
		after.into(t, key, &got)
		meta, _ := want["metadata"].(map[string]any)
		annotations, _ := meta["annotations"].(map[string]any)
		delete(annotations, "kubectl.kubernetes.io/last-applied-configuration") // kubectl's own
		if missing := lacks("", got, want); missing != "" {
			t.Errorf("%s: %s", key, missing)
		}
	}
	holdNoKey(t, after.folder)
}

// holdNoKey looks for the keys of TestUnlocked in everything that was written.
func holdNoKey(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, key := range []string{"0123456789abcdef0123456789abcdef", "MDEyMzQ1Njc4OWFi", "fedcba9876543210", "ZmVkY2JhOTg3NjU0", "YWJjZGVmMDEyMzQ1"} {
			if bytes.Contains(text, []byte(key)) {
				t.Errorf("%s has a key", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
