package seal

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
)

// keys makes a key pair: the public key, and a file of the secret one.
func keys(t *testing.T) (recipient, secret, path string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(path, []byte("# created today\n"+identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return identity.Recipient().String(), identity.String(), path
}

func identities(t *testing.T, path string) Identities {
	t.Helper()
	with, err := ReadIdentities(path)
	if err != nil {
		t.Fatal(err)
	}
	return with
}

// contents are of every kind of size, and of bytes that compress or do not.
func contents(t *testing.T) [][]byte {
	t.Helper()
	a, b := rand.Uint64(), rand.Uint64()
	t.Logf("seed: rand.NewPCG(%d, %d)", a, b)
	chance := rand.New(rand.NewPCG(a, b))
	all := [][]byte{nil, {0}, bytes.Repeat([]byte("etcd "), 300_000)}
	// 64 KiB is a chunk of age, 128 KiB a block of zstd, 256 KiB what is copied at once.
	for _, size := range []int{64 << 10, 128 << 10, 256 << 10, chance.IntN(1000), chance.IntN(100_000), chance.IntN(2 << 20)} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(chance.Uint32())
		}
		all = append(all, content)
	}
	return all
}

func sealed(t *testing.T, compression string, recipients []string, content []byte) []byte {
	t.Helper()
	s, err := New(compression, recipients)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Seal(t.Context(), &out, bytes.NewReader(content)); err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return out.Bytes()
}

// unsealed reads to the end or to the error.
func unsealed(from []byte, compression, encryption string, with Identities) ([]byte, error) {
	r, err := Unseal(bytes.NewReader(from), compression, encryption, with)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

func TestRoundTrip(t *testing.T) {
	first, _, _ := keys(t)
	recipient, _, path := keys(t)
	with := identities(t, path)
	for _, compression := range []string{None, Zstd} {
		for _, recipients := range [][]string{nil, {first, recipient}, {first + "\n# and\n" + recipient}} {
			s, err := New(compression, recipients)
			if err != nil {
				t.Fatal(err)
			}
			if s.Compression() != compression || (s.Encryption() == Age) != (len(recipients) > 0) {
				t.Errorf("New(%s, %d recipients) is %s, %s", compression, len(recipients), s.Compression(), s.Encryption())
			}
			for _, content := range contents(t) {
				got, err := unsealed(sealed(t, compression, recipients, content), s.Compression(), s.Encryption(), with)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s, %s: of %d bytes came back %d, error %v", s.Compression(), s.Encryption(), len(content), len(got), err)
				}
			}
		}
	}
}

func TestSuffix(t *testing.T) {
	recipient, _, _ := keys(t)
	for want, test := range map[string]struct {
		compression string
		recipients  []string
	}{"": {None, nil}, ".zst": {Zstd, nil}, ".age": {None, []string{recipient}}, ".zst.age": {Zstd, []string{recipient}}} {
		s, err := New(test.compression, test.recipients)
		if err != nil || s.Suffix() != want {
			t.Errorf("Suffix of %v: got %q, want %q, error %v", test, s.Suffix(), want, err)
		}
	}
	if zero := (Sealer{}); zero.Suffix() != "" {
		t.Error("the zero Sealer does something")
	}
}

// TestWithoutUs unseals with the programs that users have; age by its library where the program is missing.
func TestWithoutUs(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: zstd is missing")
	}
	recipient, secret, path := keys(t)
	for _, content := range contents(t) {
		for _, recipients := range [][]string{nil, {recipient}} {
			bytesOf := sealed(t, Zstd, recipients, content)
			if recipients != nil {
				bytesOf = decrypt(t, bytesOf, secret, path)
			}
			cmd := exec.CommandContext(t.Context(), zstd, "-d", "-c")
			cmd.Stdin = bytes.NewReader(bytesOf)
			got, err := cmd.Output()
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("zstd -d: of %d bytes came back %d, error %v", len(content), len(got), err)
			}
		}
	}
}

func decrypt(t *testing.T, from []byte, secret, path string) []byte {
	t.Helper()
	if program, err := exec.LookPath("age"); err == nil {
		cmd := exec.CommandContext(t.Context(), program, "-d", "-i", path)
		cmd.Stdin = bytes.NewReader(from)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("age -d: %v", err)
		}
		return out
	}
	identity, err := age.ParseX25519Identity(secret)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(from), identity)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNoIdentity(t *testing.T) {
	recipient, _, _ := keys(t)
	_, _, wrong := keys(t)
	from := sealed(t, Zstd, []string{recipient}, []byte("content"))
	for name, with := range map[string]Identities{"none": {}, "another": identities(t, wrong)} {
		if _, err := unsealed(from, Zstd, Age, with); !errors.Is(err, ErrNoIdentity) {
			t.Errorf("%s: got %v, want ErrNoIdentity", name, err)
		}
	}
}

// TestDamage changes, cuts and lengthens sealed bytes: with a checksum or a key in them, every change is an error.
func TestDamage(t *testing.T) {
	recipient, _, path := keys(t)
	with := identities(t, path)
	content := contents(t)[2][:200_000]
	for _, test := range []struct {
		compression string
		recipients  []string
	}{{Zstd, nil}, {None, []string{recipient}}, {Zstd, []string{recipient}}} {
		whole := sealed(t, test.compression, test.recipients, content)
		encryption := None
		if test.recipients != nil {
			encryption = Age
		}
		try := func(what string, from []byte) {
			got, err := unsealed(from, test.compression, encryption, with)
			if err == nil && !bytes.Equal(got, content) {
				t.Errorf("%s, %s: %s: got %d other bytes and no error", test.compression, encryption, what, len(got))
			}
			if err == nil && what != "flipped" {
				t.Errorf("%s, %s: %s: got no error", test.compression, encryption, what)
			}
			if err != nil && errors.Is(err, ErrNoIdentity) && !strings.HasPrefix(what, "flipped") {
				t.Errorf("%s, %s: %s: got %v", test.compression, encryption, what, err)
			}
		}
		for range 300 {
			flipped := bytes.Clone(whole)
			flipped[rand.IntN(len(whole))] ^= 1 << rand.IntN(8)
			try("flipped", flipped)
		}
		for range 100 {
			n := rand.IntN(len(whole))
			try(fmt.Sprintf("cut at %d of %d", n, len(whole)), whole[:n])
		}
		try("empty", nil)
		if _, err := unsealed(nil, test.compression, encryption, with); !errors.Is(err, io.ErrUnexpectedEOF) && encryption == None {
			t.Errorf("%s: nothing at all: got %v", test.compression, err)
		}
		try("longer", append(bytes.Clone(whole), 0))
		try("garbage", bytes.Repeat([]byte{0xa5}, 10_000))
	}
}

// TestUnknown checks that an unknown method is not mistaken for "none".
func TestUnknown(t *testing.T) {
	for _, test := range [][2]string{{"gzip", None}, {None, "gpg"}, {"", None}, {None, ""}} {
		if got, err := unsealed([]byte("content"), test[0], test[1], Identities{}); err == nil {
			t.Errorf("Unseal of %q: got %q", test, got)
		}
	}
	for _, compression := range []string{"", "gzip", "ZSTD"} {
		if _, err := New(compression, nil); err == nil {
			t.Errorf("New(%q): got no error", compression)
		}
	}
}

// TestBoundedMemory checks that a stream cannot make its reader use more memory than `zstd -d` would.
func TestBoundedMemory(t *testing.T) {
	// A frame header (RFC 8878 section 3.1.1.1) that asks for a window of 256 MiB or for a single segment of that size, then an
	// empty last block.
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 0x01, 0x00, 0x00}
	segment := binary.LittleEndian.AppendUint64([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}, 256<<20)
	segment = append(segment, 0x01, 0x00, 0x00)
	for name, from := range map[string][]byte{"window": window, "single segment": segment} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := unsealed(from, Zstd, None, Identities{})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "exceed") {
			t.Errorf("%s: got %d bytes, error %v, want it refused", name, len(got), err)
		}
		if asked := after.TotalAlloc - before.TotalAlloc; asked > maxWindow {
			t.Errorf("%s: %d bytes were asked for", name, asked)
		}
	}
	// What is allowed is read.
	small := bytes.Clone(window)
	small[5] = 17 << 3 // 128 MiB
	if _, err := unsealed(small, Zstd, None, Identities{}); err != nil {
		t.Errorf("a window of 128 MiB: got %v", err)
	}
}

// TestReaderFails checks that an error of the source is passed on as it is, and does not count as damage.
func TestReaderFails(t *testing.T) {
	recipient, _, path := keys(t)
	with := identities(t, path)
	broken := errors.New("broken store")
	for _, recipients := range [][]string{nil, {recipient}} {
		whole := sealed(t, Zstd, recipients, contents(t)[2])
		encryption := None
		if recipients != nil {
			encryption = Age
		}
		for _, n := range []int{0, 1, 10, len(whole) / 2, len(whole) - 1} {
			r, err := Unseal(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken)), Zstd, encryption, with)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				err = errors.Join(err, r.Close())
			}
			if !errors.Is(err, broken) {
				t.Errorf("%s: broken after %d bytes: got %v", encryption, n, err)
			}
		}
	}
	s, err := New(Zstd, []string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(t.Context(), io.Discard, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("Seal of what cannot be read: got %v", err)
	}
	for _, writes := range []int{0, 1, 5} {
		if err := s.Seal(t.Context(), &brokenWriter{writes, broken}, bytes.NewReader(contents(t)[5])); !errors.Is(err, broken) {
			t.Errorf("Seal to what cannot be written: got %v", err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := s.Seal(ctx, io.Discard, bytes.NewReader(nil)); !errors.Is(err, broken) {
		t.Errorf("Seal with a context that ended: got %v", err)
	}
}

type brokenWriter struct {
	left int
	err  error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestRecipientsRefused(t *testing.T) {
	recipient, secret, _ := keys(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, recipients := range map[string][]string{
		"empty": {""}, "a comment": {"# key"}, "cut": {recipient[:30]}, "ssh": {"nothing known"}, "secret key": {secret},
		"of two kinds": {recipient, hybrid.Recipient().String()},
	} {
		_, err := New(Zstd, recipients)
		if err == nil {
			t.Errorf("%s: got no error", name)
		} else if strings.Contains(err.Error(), secret[20:]) {
			t.Errorf("%s: the error tells the secret key", name)
		}
	}
}

// TestIdentitiesSecret prints identities in every way there is.
func TestIdentitiesSecret(t *testing.T) {
	_, secret, path := keys(t)
	with := identities(t, path)
	nested := struct {
		Public  Identities
		private Identities
	}{with, with}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&printed, verb+verb+verb, with, &with, nested)
	}
	if err := json.NewEncoder(&printed).Encode(nested); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&printed, nil)).Info("m", "a", with, "b", nested)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("m", "a", with, "b", nested)
	for _, form := range []string{secret, secret[20:], strings.ToLower(secret[20:]), fmt.Sprintf("%x", secret)} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("the secret key is printed: %s", printed.String())
		}
	}
	if got := fmt.Sprint(with); got != "<secret>" {
		t.Errorf("identities print as %s", got)
	}

	bad := filepath.Join(t.TempDir(), "bad")
	for _, content := range []string{secret[:40], secret + "X", "AGE-SECRET-KEY-1nonsense" + secret[30:], "", "# only a comment"} {
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadIdentities(bad)
		if err == nil || strings.Contains(err.Error(), secret[20:30]) || strings.Contains(err.Error(), secret[30:40]) {
			t.Errorf("a bad identity file of %d bytes: got %v", len(content), err)
		}
	}
	if _, err := ReadIdentities(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no identity file: got %v", err)
	}
}

func TestRecognise(t *testing.T) {
	recipient, _, _ := keys(t)
	content := []byte("neither of both, but longer than any head")
	for _, test := range []struct {
		from                    []byte
		compression, encryption string
	}{
		{content, None, None}, {nil, None, None}, {[]byte("age"), None, None}, {[]byte{0x28, 0xb5}, None, None},
		{sealed(t, Zstd, nil, content), Zstd, None}, {sealed(t, Zstd, nil, nil), Zstd, None},
		{sealed(t, Zstd, []string{recipient}, content), Zstd, Age},
	} {
		compression, encryption, whole, err := Recognise(iotest.OneByteReader(bytes.NewReader(test.from)))
		if err != nil || compression != test.compression || encryption != test.encryption {
			t.Errorf("Recognise of %.20q: got %s, %s, error %v", test.from, compression, encryption, err)
		}
		if got, err := io.ReadAll(whole); err != nil || !bytes.Equal(got, test.from) {
			t.Errorf("Recognise of %.20q: gave back %d bytes, error %v", test.from, len(got), err)
		}
	}
	broken := errors.New("broken")
	if _, _, _, err := Recognise(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("Recognise of what cannot be read: got %v", err)
	}
}
