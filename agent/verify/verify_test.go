package verify

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
)

// verifierIn unpacks below a folder of the test.
func verifierIn(t *testing.T, with seal.Identities) *Verifier {
	t.Helper()
	area, err := staging.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &Verifier{Staging: area, Identities: with, Tool: "test", Log: slog.New(slog.DiscardHandler)}
}

// stranger is an identity that opens nothing.
func stranger(t *testing.T) seal.Identities {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "identity.txt")
	if err := os.WriteFile(path, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.ReadIdentities(path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// sealedBytes are encrypted to a key that nobody has.
func sealedBytes(t *testing.T) string {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var sealed strings.Builder
	w, err := age.Encrypt(&sealed, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(w, "the bytes of a snapshot"); err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sealed.String()
}

// commitSealed stores an encrypted snapshot.
func commitSealed(t *testing.T, s storestest.Store, sealed string) snapshot.Manifest {
	t.Helper()
	m, _ := storestest.Stored(1)
	m.Object.Encryption, m.Object.SizeBytes, m.Object.SHA256 = seal.Age, int64(len(sealed)), storestest.SumOf([]byte(sealed))
	s.Commit(t, m, []byte(sealed))
	return m
}

// TestVerifySealed checks an encrypted snapshot where nothing opens it: damage is found, and noted, with a wrong identity as
// without any; sound bytes are no proof.
func TestVerifySealed(t *testing.T) {
	sound := sealedBytes(t)
	head, tail := []byte(sound), []byte(sound)
	head[len("age-encryption.org/v1\n-> X25519 a")] ^= 1 // for another key, as it seems
	tail[len(tail)-1] ^= 1
	for _, test := range []struct {
		name   string
		body   string
		with   seal.Identities
		ok     bool
		failed bool // the error: no identity
	}{
		{"sound, no identity", sound, seal.Identities{}, true, false},
		{"sound, a stranger's", sound, stranger(t), false, true},
		{"data damaged, no identity", string(tail), seal.Identities{}, false, false},
		{"data damaged, a stranger's", string(tail), stranger(t), false, false},
		{"head damaged, a stranger's", string(head), stranger(t), false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := storestest.OpenFolder(t)
			a := storestest.StoreIn(t, "a", bucket)
			m := commitSealed(t, a, sound)
			if test.body != sound {
				storestest.Replace(t, bucket, a.Catalog.DataKey(m.ID, "none", seal.Age), []byte(test.body))
			}
			found, err := stores.Find(t.Context(), storestest.List(a), stores.Latest)
			if err != nil {
				t.Fatal(err)
			}
			result, err := verifierIn(t, test.with).Stored(t.Context(), found)
			if test.failed != errors.Is(err, seal.ErrNoIdentity) || !test.failed && err != nil || result.OK != test.ok {
				t.Errorf("got %+v, error %v", result, err)
			}
			proofs, err := a.Catalog.Proofs(t.Context(), found.Entry.ID)
			if err != nil {
				t.Fatal(err)
			}
			damaged := test.body != sound
			if noted := len(proofs) == 1 && proofs[0].Check.Name == snapshot.CheckReadBack && !proofs[0].Check.OK; noted != damaged {
				t.Errorf("proofs %+v", proofs)
			}
		})
	}
}

// TestRereadSealed holds that the daily read-back notes damage where it cannot decrypt, and says so once.
func TestRereadSealed(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	sealed := sealedBytes(t)
	m := commitSealed(t, a, sealed)
	job := Sampler{Verifier: verifierIn(t, seal.Identities{}), Stores: storestest.List(a), Share: 1, Log: slog.New(slog.DiscardHandler)}
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	storestest.Replace(t, bucket, a.Catalog.DataKey(m.ID, "none", seal.Age), append([]byte("x"), sealed[1:]...))
	err := job.Run(t.Context())
	if !errors.Is(err, snapshot.ErrDamaged) || strings.Count(err.Error(), "damaged") != 1 {
		t.Errorf("got %v", err)
	}
	proofs, err := a.Catalog.LatestProofs(t.Context())
	if p, ok := proofs[m.ID]; err != nil || !ok || p.Check.OK {
		t.Errorf("noted %+v, error %v", proofs, err)
	}
}
