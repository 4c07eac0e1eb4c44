package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/verify"
)

// fixture unpacks the snapshot of a real Kubernetes cluster, by hand.
func fixture(t *testing.T) []byte {
	t.Helper()
	out, err := exec.Command("zstd", "-d", "-q", "-c", packedFixture).Output()
	if err != nil {
		t.Fatalf("zstd: %v", err)
	}
	return out
}

const packedFixture = "../../agent/snapshot/testdata/kubernetes-1.34-etcd-3.6.db.zst"

// verifyFile calls `etcdward -o json verify --file`.
func verifyFile(t *testing.T, path string) (verify.Verification, int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(context.Background(), []string{"-o", "json", "verify", "--file", path}, stdio{strings.NewReader(""), &out, &errs})
	var v verify.Verification
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	return v, code, errs.String()
}

// TestVerifyKubernetes holds the values that etcdutl and the live member gave for the fixture.
func TestVerifyKubernetes(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain.db")
	if err := os.WriteFile(plain, fixture(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, packedFixture} {
		v, code, errs := verifyFile(t, path)
		if code != 0 || !v.OK || v.Facts == nil {
			t.Fatalf("%s: exit %d %+v %s", path, code, v, errs)
		}
		f := *v.Facts
		if f.SizeBytes != 1257504 || f.Revision != 708 || f.TotalKeys != 595 || f.StatusHash != "2c5df706" || f.StorageVersion != "3.6.0" ||
			f.CompactRevision != -1 || f.HashKV.Hash != 1576616161 || f.HashKV.Revision != 708 {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

// TestVerifyDamaged flips one bit at each of 2,000 random places and cuts at 500 random lengths.
func TestVerifyDamaged(t *testing.T) {
	t.Parallel()
	sound := fixture(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	damaged := func(what string, at int) {
		t.Helper()
		if v, code, errs := verifyFile(t, path); code != exitFindings || v.OK {
			t.Errorf("%s %d: exit %d, ok %t %s", what, at, code, v.OK, errs)
		}
	}
	write := func(part []byte, at int) {
		t.Helper()
		if _, err := file.WriteAt(part, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2000 {
		at, bit := random.IntN(len(sound)), random.IntN(8)
		write([]byte{sound[at] ^ 1<<bit}, at)
		damaged("bit flipped at", at)
		write(sound[at:at+1], at)
	}
	if v, code, errs := verifyFile(t, path); code != exitOK || !v.OK {
		t.Fatalf("all bits are back: exit %d, ok %t %s", code, v.OK, errs)
	}
	for range 500 {
		length := random.IntN(len(sound))
		if err := file.Truncate(int64(length)); err != nil {
			t.Fatal(err)
		}
		damaged("cut at", length)
		write(sound[length:], length)
	}
}
