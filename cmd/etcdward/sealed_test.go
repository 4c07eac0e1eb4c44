package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/test/cluster"
)

// newIdentity makes an age identity and the file that has it.
func newIdentity(t *testing.T) (identity *age.X25519Identity, path string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "identity.txt")
	if err := os.WriteFile(path, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return identity, path
}

// TestSealed checks that a Secret of the cluster is found nowhere outside of it when snapshots are encrypted, and
// that the identity brings it back, with and without etcdward.
func TestSealed(t *testing.T) {
	const canary = "c4n4ry-0f-4-s3cr3t"
	identity, keys := newIdentity(t)
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	if _, err := c.Members[0].Client(t).Put(t.Context(), "/registry/secrets/default/canary", canary); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, c, fmt.Sprintf("snapshot: {recipients: [%s]}", identity.Recipient()), "log: {level: debug}")
	var said strings.Builder
	call := func(want int, args ...string) result {
		t.Helper()
		r := s.etcdward(t, args...)
		fmt.Fprintln(&said, r.out, r.err)
		if r.code != want {
			t.Errorf("etcdward %v: exit %d, want %d\n%s%s", args, r.code, want, r.out, r.err)
		}
		return r
	}
	call(exitOK, "-o", "json", "snapshot")
	call(exitOK, "-o", "json", "list")
	call(exitOK, "-o", "json", "status")
	call(exitOK, "show", "latest")
	// Without the identity: the stored bytes are checked, and it is said what was not.
	if r := call(exitOK, "verify"); !strings.Contains(r.out, "no identity was given") {
		t.Errorf("verify does not say what it could not check:\n%s", r.out)
	}
	if r := call(exitFailed, "fetch", "latest", "--output", filepath.Join(s.dir, "closed.db")); !strings.Contains(r.err, "--identity FILE") {
		t.Errorf("no way out: %s", r.err)
	}
	call(exitOK, "-o", "json", "verify", "--identity", keys)
	if strings.Contains(said.String(), canary) || strings.Contains(said.String(), identity.String()) {
		t.Errorf("the output holds a secret:\n%s", said.String())
	}
	objects := 0
	for _, root := range []string{s.store, s.state} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			objects++
			body, err := os.ReadFile(path)
			if err == nil && bytes.Contains(body, []byte(canary)) {
				t.Errorf("%s holds the canary", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if objects < 3 {
		t.Errorf("only %d files were looked at", objects)
	}

	opened := filepath.Join(s.dir, "opened.db")
	call(exitOK, "fetch", "latest", "--identity", keys, "--output", opened)
	byHand := decryptByHand(t, s, identity)
	want, err := os.ReadFile(opened)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, byHand) || !bytes.Contains(byHand, []byte(canary)) {
		t.Error("by hand another file came out, or the canary is not in it: then it could not have been found either")
	}
	c.Etcdutl(t, "snapshot", "restore", opened, "--data-dir", filepath.Join(t.TempDir(), "data"))

	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, []byte(other.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := call(exitFailed, "fetch", "latest", "--identity", keys, "--output", opened+".2"); !strings.Contains(r.err, "none of the given identities decrypts it") {
		t.Errorf("with a stranger's identity: %s", r.err)
	}
	if r := call(exitFailed, "verify", "--identity", keys); !strings.Contains(r.err, "none of the given identities decrypts it") || strings.Contains(r.out, "SOUND") {
		t.Errorf("verify with a stranger's identity: %s%s", r.out, r.err)
	}
	if err := os.WriteFile(keys, []byte("AGE-SECRET-KEY-1TYPO\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := call(exitFailed, "fetch", "latest", "--identity", keys, "--output", opened+".3"); strings.Contains(r.err, "TYPO") {
		t.Errorf("the error quotes the identity: %s", r.err)
	}
}

// TestSealedDamage checks that damage of an encrypted snapshot is noted on a host that cannot decrypt it, which is how hosts are set
// up: the damaged one is not what the good ones go for.
func TestSealedDamage(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c, fmt.Sprintf("snapshot: {recipients: [%s]}", identity.Recipient()), "retention: {keep_within: 0, keep_last: 1}")
	var taken []snapshot.Manifest
	for range 3 {
		advance(t, c, c.Members[0])
		taken = append(taken, s.snapshot(t))
	}
	newest := taken[2]
	flip(t, filepath.Join(s.store, newest.Object.Key))
	if r := s.etcdward(t, "verify", newest.ID); r.code != exitFindings || strings.Contains(r.out, "damaged") {
		t.Fatalf("verify: exit %d %s%s", r.code, r.out, r.err)
	}
	r := s.etcdward(t, "-o", "json", "status")
	var st status.Status
	if err := json.Unmarshal([]byte(r.out), &st); err != nil || r.code != exitFindings || st.LastProven == nil || st.LastProven.ID != taken[1].ID {
		t.Errorf("status: exit %d, %v\n%s", r.code, err, r.out)
	}
	if !strings.Contains(strings.Join(st.Reasons, " "), newest.ID) {
		t.Errorf("no reason names %s: %q", newest.ID, st.Reasons)
	}
	out := s.must(t, "prune", "--confirm")
	if list := s.must(t, "list"); !strings.Contains(list, taken[1].ID) || strings.Contains(list, taken[0].ID) {
		t.Errorf("the newest that is proven is %s; prune said\n%s\nleft is\n%s", taken[1].ID, out, list)
	}
}

// flip changes one byte in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 4
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// decryptByHand does what `age -d | zstd -d` does.
func decryptByHand(t *testing.T, s site, identity age.Identity) []byte {
	t.Helper()
	objects, err := filepath.Glob(filepath.Join(s.store, "v1/test/snapshots/*.db.zst.age"))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%v %v", objects, err)
	}
	file, err := os.Open(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decrypted, err := age.Decrypt(file, identity)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := io.ReadAll(decrypted)
	if err != nil {
		t.Fatal(err)
	}
	unpack := exec.Command("zstd", "-d", "-q", "-c")
	unpack.Stdin = bytes.NewReader(packed)
	plain, err := unpack.Output()
	if err != nil {
		t.Fatalf("zstd: %v", err)
	}
	return plain
}

// TestVerifySealedFile takes files as stores hold them.
func TestVerifySealedFile(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	packed := read(t, packedFixture)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, packed); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, keys := filepath.Join(dir, "x.db.zst.age"), filepath.Join(dir, "identity.txt")
	if err := os.WriteFile(path, sealed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, []byte(identity.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := site{config: "/nonexistent", state: dir}
	var v verify.Verification
	s.mustJSON(t, &v, "verify", "--file", path, "--identity", keys)
	if v.Facts == nil || v.Revision != 708 {
		t.Errorf("%+v", v)
	}
	if r := s.etcdward(t, "verify", "--file", path); r.code != exitFailed || !strings.Contains(r.err, "--identity FILE") {
		t.Errorf("without identity: exit %d %s", r.code, r.err)
	}
	broken := sealed.Bytes()
	broken[len(broken)/2] ^= 1
	if err := os.WriteFile(path, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := s.etcdward(t, "verify", "--file", path, "--identity", keys); r.code != exitFindings || !strings.HasPrefix(r.out, "Verdict:") {
		t.Errorf("damaged: exit %d %s%s", r.code, r.out, r.err)
	}
}
