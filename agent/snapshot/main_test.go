package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	testfixture "github.com/etcdward/etcdward/test/fixture"
)

func TestMain(m *testing.M) {
	ChildMain()
	if path := os.Getenv(parentVariable); path != "" {
		_, err := inspectInChild(context.Background(), path, 0, asItIs)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// fixture is the snapshot of a Kubernetes cluster, unpacked.
var fixture = sync.OnceValue(func() []byte { return testfixture.Must("testdata/kubernetes-1.34-etcd-3.6.db.zst") })

// seeded returns a source of random numbers, and prints how to get the same numbers again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	a, b := rand.Uint64(), rand.Uint64()
	t.Logf("seed: rand.NewPCG(%d, %d)", a, b)
	return rand.New(rand.NewPCG(a, b))
}

// write stores content as a file of the test.
func write(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// withTrailer returns the body of a database with the trailer that fits it.
func withTrailer(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(bytes.Clone(body), sum[:]...)
}

// examine makes the checks on a file; an error ends the test.
func examine(t testing.TB, path string, minor int) Examination {
	t.Helper()
	e, err := Examine(t.Context(), path, minor)
	if err != nil {
		t.Fatalf("Examine: %v", err)
	}
	return e
}

// wantDamage checks that the last check made is the one named, and failed.
func wantDamage(t testing.TB, e Examination, name string) {
	t.Helper()
	if e.OK() || len(e.Checks) == 0 {
		t.Fatalf("Examine found nothing wrong: %+v", e)
	}
	last := e.Checks[len(e.Checks)-1]
	if last.OK || last.Name != name || last.Detail == "" || e.Facts.Revision != 0 {
		t.Fatalf("Examine ended with %+v and facts %+v, want %s to fail", last, e.Facts, name)
	}
}
