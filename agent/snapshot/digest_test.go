package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestDigest writes the same bytes in pieces of every kind of size.
func TestDigest(t *testing.T) {
	chance := seeded(t)
	content := withTrailer(fixture()[:16*sectorSize])
	whole := sha256.Sum256(content)
	for _, largest := range []int{1, 2, 31, 32, 33, 63, 64, 65, 100, 5000, len(content)} {
		d := NewDigest()
		for rest := content; len(rest) > 0; {
			n := min(chance.IntN(largest+1), len(rest))
			if written, err := d.Write(rest[:n]); written != n || err != nil {
				t.Fatalf("Write: got %d, %v", written, err)
			}
			rest = rest[n:]
		}
		got, err := d.Verify()
		if err != nil || got != hex.EncodeToString(whole[:]) || d.Size() != int64(len(content)) {
			t.Errorf("in pieces of up to %d bytes: got %s, %d bytes, error %v", largest, got, d.Size(), err)
		}
	}
}

// TestDigestOfNoSnapshot checks that the hash of all bytes is returned in any case.
func TestDigestOfNoSnapshot(t *testing.T) {
	for name, content := range map[string][]byte{
		"nothing": nil, "one byte": {1}, "a trailer of nothing": withTrailer(nil)[1:], "a database": fixture()[:len(fixture())-trailerSize],
		"added to": append(bytes.Clone(fixture()), 0), "a sector too many": append(bytes.Clone(fixture()), make([]byte, sectorSize)...),
	} {
		d, err := DigestOf(t.Context(), bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		got, err := d.Verify()
		if name == "a database" && !strings.Contains(err.Error(), "no SHA-256 trailer") {
			t.Errorf("%s: the error does not say what is missing: %v", name, err)
		}
		if !errors.Is(err, ErrDamaged) || got != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: got %s, error %v", name, got, err)
		}
	}
}

func TestDigestOfFails(t *testing.T) {
	broken := errors.New("broken")
	if _, err := DigestOf(t.Context(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	endless := readerFunc(func(p []byte) (int, error) { cancel(broken); return len(p), nil })
	if _, err := DigestOf(ctx, endless); !errors.Is(err, broken) {
		t.Errorf("a context that ends: got %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var _ io.Reader = readerFunc(nil)
