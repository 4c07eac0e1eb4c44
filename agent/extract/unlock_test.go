package extract

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/extract/unlock"
)

// sealed is a value as the provider aesgcm stores it under a key of etcd.
func sealed(t *testing.T, secret, key, plain string) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, aead.NonceSize())
	return "k8s:enc:aesgcm:v1:key1:" + string(aead.Seal(nonce, nonce, []byte(plain), []byte(key)))
}

// keysOf are those of a configuration with one secret.
func keysOf(t *testing.T, secret string) *unlock.Keys {
	t.Helper()
	path := filepath.Join(t.TempDir(), "encryption.yaml")
	text := "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: ['*.*']\n  providers:\n  - aesgcm: {keys: [{name: key1, secret: " +
		base64.StdEncoding.EncodeToString([]byte(secret)) + "}]}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := unlock.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestEncrypted holds what becomes of values that are encrypted at rest, with the right key, with a wrong one, and with none.
func TestEncrypted(t *testing.T) {
	const (
		right, wrong = "0123456789abcdef", "fedcba9876543210"
		key, raw     = "/registry/secrets/b/a", "/registry/secrets/b/raw"
		object       = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"data":{"p":"eA=="}}`
		lossy        = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c","namespace":"b"},"x":1,"x":2}`
	)
	path := handmade(t, pair{key, sealed(t, right, key, object)}, pair{raw, sealed(t, right, raw, "no object")},
		pair{"/registry/secrets/b/c", sealed(t, right, "/registry/secrets/b/c", lossy)}, pair{"/registry/secrets/b/moved", sealed(t, right, key, object)})
	x := run(t, Extractor{Selection: Selection{Prefix: Registry, Namespace: "b"}, Keys: keysOf(t, right)}, path)
	if x.Unlocked != 3 || x.Objects != 2 || x.Raw != 1 || x.Encrypted != 1 || x.Lossy != 1 || len(x.Reasons) != 3 {
		t.Errorf("%+v", x.Outcome)
	}
	if text := string(x.read(t, x.index[key].File)); !strings.Contains(text, "p: eA==") {
		t.Errorf("%s", text)
	}
	if text := string(x.read(t, x.index[raw].File)); text != "no object" {
		t.Errorf("%q", text)
	}
	if text := string(x.read(t, x.index["/registry/secrets/b/c"].Value)); text != lossy {
		t.Errorf("beside it is %q", text)
	}
	if line := x.index["/registry/secrets/b/moved"]; !strings.Contains(line.Note, "does not open it") {
		t.Errorf("of another key: %+v", line)
	}

	output := filepath.Join(t.TempDir(), "out")
	e := Extractor{Selection: Selection{Prefix: Registry}, Keys: keysOf(t, wrong)}
	_, err := e.Run(t.Context(), path, output)
	if err == nil || !strings.Contains(err.Error(), "aesgcm key key1 of ") || !strings.Contains(err.Error(), "opens none of the 4 values") || hint(err) == "" {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err := os.Stat(output); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a wrong key leaves a folder: %v", err)
	}
	x = run(t, Extractor{Selection: Selection{Prefix: Registry}}, path)
	if x.Encrypted != 4 || x.Unlocked != 0 || len(x.Reasons) != 1 || x.Reasons[0].Objects != 4 {
		t.Errorf("without a key: %+v", x.Outcome)
	}
}

// TestEncryptedFacts holds that what tells about the cluster is read through its encryption too.
func TestEncryptedFacts(t *testing.T) {
	const (
		secret     = "0123456789abcdef"
		key        = "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com"
		definition = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"x"},"spec":{"group":"example.com","names":{"kind":"Widget"},"versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}}}]}}`
		widget     = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"b"},"status":{"x":1}}`
	)
	path := handmade(t, pair{"/registry/example.com/widgets/b/w", widget}, pair{key, sealed(t, secret, key, definition)})
	for name, test := range map[string]struct {
		keys *unlock.Keys
		want string
	}{"with the key": {keysOf(t, secret), "kind: Widget\nmetadata:\n  name: w\n  namespace: b\n"}, "without": {nil, "status:\n  x: 1\n"}} {
		x := run(t, Extractor{Selection: Selection{Prefix: Registry, Namespace: "b"}, ForApply: true, Keys: test.keys}, path)
		if text := string(x.read(t, x.index["/registry/example.com/widgets/b/w"].File)); !strings.HasSuffix(text, test.want) {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
