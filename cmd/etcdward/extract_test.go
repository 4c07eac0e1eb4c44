package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/agent/extract"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
)

// extractResult is what `etcdward -o json extract` prints.
type extractResult struct {
	ID, File, Output, Index string
	Revision                int64
	extract.Outcome
}

// TestExtract brings a namespace back from snapshots in a store, of an etcd whose values are not all readable.
func TestExtract(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s := newSite(t, c)
	cli := c.Members[0].Client(t)
	put := func(key, value string) {
		t.Helper()
		if _, err := cli.Put(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	const widget = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"shop","uid":"1"},"spec":{"n":1},"status":{"x":1}}`
	put("/registry/example.com/widgets/shop/w", widget)
	put("/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com", `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",`+
		`"metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","names":{"kind":"Widget"},"versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}}}]}}`)
	put("/registry/namespaces/shop", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","uid":"2"}}`)
	put("/registry/odd/a", `{"apiVersion":"v1\u001b[2J","kind":"Odd\n\tOther  v1  7\u009b\u202e"}`)
	first := s.snapshot(t)
	if _, err := cli.Delete(t.Context(), "/registry/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	put("/registry/secrets/shop/s", "k8s:enc:aescbc:v1:key1:\x00\x01")
	put("/registry/../../escape", "text")
	second := s.snapshot(t)

	out := filepath.Join(t.TempDir(), "out")
	var got extractResult
	s.mustJSON(t, &got, "extract", first.ID, "--namespace", "shop", "--output", out)
	if got.ID != first.ID || got.Revision != first.Revision || got.Objects != 2 || !got.Whole() || got.Index != filepath.Join(out, "index.jsonl") || len(got.Kinds) != 2 {
		t.Errorf("%+v", got)
	}
	if text := read(t, filepath.Join(out, "objects/registry/example.com/widgets/shop/w.yaml")); !strings.Contains(text, "uid: \"1\"\n") || !strings.Contains(text, "status:\n  x: 1\n") {
		t.Errorf("as stored:\n%s", text)
	}
	odd := s.must(t, "extract", first.ID, "--prefix", "/registry/odd/", "--output", out+".odd")
	if want := `"Odd\n\tOther  v1  7\u009b\u202e"  "v1\x1b[2J"  1` + "\n"; odd != "KIND"+strings.Repeat(" ", 31)+"API VERSION  OBJECTS\n"+want {
		t.Errorf("words of the cluster:\n%q", odd)
	}
	table := s.must(t, "extract", first.ID, "--namespace", "shop", "--for-apply", "--output", out+".apply")
	if !strings.HasPrefix(table, "KIND       API VERSION     OBJECTS\nNamespace  v1              1\nWidget     example.com/v1  1\n") {
		t.Errorf("table:\n%s", table)
	}
	if text := read(t, filepath.Join(out+".apply", "objects/13-custom/registry/example.com/widgets/shop/w.yaml")); strings.Contains(text, "uid") || strings.Contains(text, "status") {
		t.Errorf("for apply:\n%s", text)
	}

	r := s.etcdward(t, "extract", "--output", out+".latest")
	if r.code != exitFindings || !strings.Contains(r.err, "1 encrypted at rest, 1 raw; index.jsonl names them:\n  1: encrypted at rest by aescbc with the key key1\n") || !strings.Contains(r.out, "(not readable)  -            2") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	index := read(t, filepath.Join(out+".latest", "index.jsonl"))
	if strings.Count(index, "\n") != 2 || !strings.Contains(index, `"file":"objects/registry/%2E./%2E./escape.txt"`) || !strings.Contains(index, "key key1") {
		t.Errorf("index:\n%s", index)
	}
	r = s.etcdward(t, "extract", second.ID, "--namespace", "shopp", "--output", out+".none")
	if r.code != exitFailed || !strings.Contains(r.err, "nothing in the snapshot is selected\nTry: ") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	object := filepath.Join(s.store, first.Object.Key)
	body, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 4
	if err := os.WriteFile(object, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := s.etcdward(t, "extract", first.ID, "--output", out+".damaged"); r.code != exitFindings || !strings.Contains(r.err, "do not restore from it") || !strings.HasPrefix(r.err, "etcdward: extract") {
		t.Errorf("damaged: exit %d: %s", r.code, r.err)
	}
	for _, name := range []string{".none", ".damaged"} {
		if _, err := os.Stat(out + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was left: %v", name, err)
		}
	}
	host.Host{Dir: s.dir, Store: s.store, State: s.state}.CheckClean(t)
}

// TestExtractFile reads files, sound and not, plain and sealed, and holds the exit codes.
func TestExtractFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(seal.Zstd, []string{identity.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	plain := fixture(t)
	var sealed bytes.Buffer
	if err := sealer.Seal(t.Context(), &sealed, bytes.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(plain)
	flipped[len(flipped)/3] ^= 1
	cut := bytes.Clone(sealed.Bytes()[:sealed.Len()-1000])
	for name, body := range map[string][]byte{"plain.db": plain, "sealed.age": sealed.Bytes(), "flipped.db": flipped, "bare.db": plain[:len(plain)-sha256.Size], "cut.age": cut, "key": []byte(identity.String() + "\n"),
		"encryption.yaml": []byte("kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers: [{identity: {}}]\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	s := site{dir: dir, config: at("nonexistent.yaml"), state: at("nonexistent")}
	const unproven = "nothing proves its bytes" // written all the same: it may be all that is left
	for i, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--file", at("plain.db")}, exitOK, ""},
		{[]string{"--file", packedFixture}, exitOK, ""},
		{[]string{"--file", at("sealed.age"), "--identity", at("key")}, exitOK, ""},
		{[]string{"--file", at("sealed.age")}, exitFailed, "--identity FILE"},
		{[]string{"--file", at("cut.age"), "--identity", at("key")}, exitFindings, "cannot be decoded"},
		{[]string{"--file", at("flipped.db")}, exitFindings, "check sha256"},
		{[]string{"--file", at("bare.db")}, exitFindings, unproven},
		{[]string{"--file", at("key")}, exitFindings, "check sha256"},
		{[]string{"--file", at("nonexistent")}, exitFailed, "no such file"},
		{[]string{"--file", at("non\x1b[2Jexistent")}, exitFailed, `non\x1b[2Jexistent: no such file`},
		{[]string{"--file", at("plain.db"), "latest"}, exitUsage, "not both"},
		{[]string{"--file", at("plain.db"), "--namespace", "a/b"}, exitUsage, "is no name"},
		{[]string{"--file", at("plain.db"), "--prefix", ""}, exitUsage, "--prefix: it is empty"},
		{[]string{"--file", at("plain.db"), "--namespace", ""}, exitUsage, "--namespace: it is empty"},
		{[]string{"--file", ""}, exitUsage, "--file: it is empty"},
		{[]string{"--file", at("plain.db"), "--identity", ""}, exitUsage, "--identity: it is empty"},
		{[]string{"latest", "--store", ""}, exitUsage, "--store: it is empty"},
		{[]string{"latest", "--at", ""}, exitUsage, "--at: it is empty"},
		{[]string{"--file", at("plain.db"), "--store", "main"}, exitUsage, "--file is read from no store"},
		{[]string{"--file", at("plain.db"), "--at", "1h"}, exitUsage, "--file is read from no store"},
		{[]string{"--file", at("plain.db"), "--encryption-config", at("encryption.yaml")}, exitOK, ""},
		{[]string{"--file", at("plain.db"), "--encryption-config", at("nonexistent")}, exitFailed, "no such file"},
		{[]string{"--file", at("plain.db"), "--encryption-config", at("key")}, exitFailed, "not an EncryptionConfiguration"},
		{[]string{"--file", at("plain.db"), "--encryption-config", ""}, exitUsage, "--encryption-config: it is empty"},
		{[]string{"latest"}, exitConfig, "no such file"},
	} {
		out := at(fmt.Sprintf("out-%d", i))
		r := s.etcdward(t, append([]string{"extract", "--namespace", "team-3", "--output", out}, test.args...)...)
		if r.code != test.code || !strings.Contains(r.err, test.says) {
			t.Errorf("%v: exit %d, want %d: %s", test.args, r.code, test.code, r.err)
		}
		_, err := os.Stat(out)
		if made := err == nil; made != (test.code == exitOK || test.says == unproven) {
			t.Errorf("%v: the folder is there: %t", test.args, made)
		}
		if test.code == exitOK && !strings.Contains(r.out, "Deployment  apps/v1      10\n") {
			t.Errorf("%v:\n%s", test.args, r.out)
		}
	}
	if r := s.etcdward(t, "extract", "--file", at("plain.db")); r.code != exitUsage || !strings.Contains(r.err, "--output DIR is needed") {
		t.Errorf("no folder: exit %d %s", r.code, r.err)
	}
	if r := s.etcdward(t, "extract", "--file", at("plain.db"), "--output", at("out-0")); r.code != exitFailed || !strings.Contains(r.err, "is not empty\nTry: another folder") {
		t.Errorf("into the same: exit %d %s", r.code, r.err)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in $TMPDIR: %v %v", left, err)
	}
}

// TestExtractSealed holds that a snapshot which is encrypted in its store needs the identity.
func TestExtractSealed(t *testing.T) {
	identity, keys := newIdentity(t)
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c, fmt.Sprintf("snapshot: {recipients: [%s]}", identity.Recipient()))
	m := s.snapshot(t)
	out := filepath.Join(t.TempDir(), "out")
	if r := s.etcdward(t, "extract", m.ID, "--output", out); r.code != exitFailed || !strings.Contains(r.err, "Try: repeat with --identity FILE") || !strings.HasPrefix(r.err, "etcdward: extract: snapshot "+m.ID) {
		t.Errorf("without: exit %d %s", r.code, r.err)
	}
	r := s.etcdward(t, "-o", "json", "extract", "latest", "--identity", keys, "--output", out)
	var got extractResult
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || got.ID != m.ID || got.Objects+got.Raw == 0 {
		t.Errorf("with: exit %d %v %+v %s", r.code, err, got, r.err)
	}
}

// TestExtractText holds that words of a cluster reach a terminal as words.
func TestExtractText(t *testing.T) {
	for word, want := range map[string]string{
		"Pod": "Pod", "example.com/v1": "example.com/v1", "Größe": "Größe", "": `""`, "a b": `"a b"`, "a\x1b[2Jb": `"a\x1b[2Jb"`, "a\nb\t": `"a\nb\t"`,
		"\u009b\u202e\x7f": `"\u009b\u202e\x7f"`, strings.Repeat("x", 100): strings.Repeat("x", 80) + "…",
	} {
		if got := terminal.Word(word); got != want {
			t.Errorf("%q: %s", word, got)
		}
	}
	cause := errors.New("a\x1b[2J\u009b\r\u202e\tb'\"é")
	err := terminal.LineError{Err: errors.Join(fmt.Errorf("x: %w", cause), errors.New("y"))}
	if want := `x: a\x1b[2J\u009b\r\u202e\tb'"é; y`; err.Error() != want || !errors.Is(err, cause) {
		t.Errorf("%s", err)
	}
	for text, want := range map[string]string{"fetch a: b": "extract a: b", "fetch: a": "extract: a", "a: fetch": "a: fetch"} {
		if got := (fetchError{errors.New(text)}).Error(); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
