// Package unlock opens the values that an API server encrypted at rest, with the keys of its EncryptionConfiguration.
//
// It knows the formats of the providers, and nothing of what is inside of a value. Its invariant: no key, and no part of one,
// is in any of its errors, notes or formatted values.
package unlock

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/notation"
)

// Mark begins every value that is encrypted at rest (apiserver/pkg/storage/value): "k8s:enc:PROVIDER:VERSION:NAME:".
var Mark = []byte("k8s:enc:")

// Key is one key of a provider.
type Key struct {
	provider, name string
	open           func(sealed, etcdKey []byte) ([]byte, error)
	// tried and opened count the values that name it.
	tried, opened int
}

// Keys are the keys of an EncryptionConfiguration. Nil has none.
type Keys struct {
	path string
	keys []*Key
}

// String implements fmt.Stringer: keys are not shown.
func (*Keys) String() string { return "<secret>" }

// GoString implements fmt.GoStringer likewise.
func (*Keys) GoString() string { return "<secret>" }

// errLocked means that a key does not open a value.
var errLocked = errors.New("the key does not open it")

// Open decrypts a value that begins with Mark, and that is stored under etcdKey. If there is no key for it, plain is nil, and
// the note says why.
func (k *Keys) Open(etcdKey, value []byte) (plain []byte, note string) {
	rest, _ := bytes.CutPrefix(value, Mark)
	words := bytes.SplitN(rest[:min(len(rest), maxHeadBytes)], []byte(":"), 4)
	if len(words) < 4 || !notation.Printable(words[0]) || !notation.Printable(words[2]) {
		return nil, "encrypted at rest in a way that is not known"
	}
	provider, version, name := string(words[0]), string(words[1]), string(words[2])
	note = fmt.Sprintf("encrypted at rest by %s with the key %s", provider, name)
	switch {
	case k == nil:
		return nil, note
	case provider == "kms":
		return nil, note + ": its key is in a key management service, and in no file"
	case version != "v1":
		return nil, note + fmt.Sprintf(": the version %.20q of %s is not known", version, provider)
	}
	sealed := rest[len(provider)+len(version)+len(name)+3:]
	found := false
	for _, key := range k.keys {
		if key.provider != provider || key.name != name {
			continue
		}
		found = true
		key.tried++
		if plain, err := key.open(sealed, etcdKey); err == nil {
			key.opened++
			return plain, ""
		}
	}
	if !found {
		return nil, note + ": the encryption configuration has no such key"
	}
	return nil, note + ": the key of that name in the encryption configuration does not open it"
}

// maxHeadBytes bounds the names in the head of a value.
const maxHeadBytes = 200

// wrongKeys is a configuration whose keys open nothing.
type wrongKeys struct {
	path, key string
	values    int
}

func (w wrongKeys) Error() string {
	return fmt.Sprintf("unlock: the %s of %s opens none of the %d values that name it", w.key, w.path, w.values)
}

// Hint names the way out.
func (wrongKeys) Hint() string {
	return "the EncryptionConfiguration that the API servers had when the snapshot was taken (their --encryption-provider-config)"
}

// Useless returns an error if a key opened none of the values that name it: it is another key of the same name, and no
// value is damaged.
func (k *Keys) Useless() error {
	if k == nil {
		return nil
	}
	tried, opened := map[string]int{}, map[string]int{}
	for _, key := range k.keys {
		called := key.called()
		tried[called] = max(tried[called], key.tried)
		opened[called] += key.opened
	}
	for _, key := range k.keys {
		if called := key.called(); tried[called] > 0 && opened[called] == 0 {
			return wrongKeys{k.path, called, tried[called]}
		}
	}
	return nil
}

func (k *Key) called() string { return fmt.Sprintf("%s key %s", k.provider, strings.TrimSpace(k.name)) }
