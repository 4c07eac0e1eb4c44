package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/extract/object"
)

// TestTooManyOwners holds that the memory for owners is bounded, and that nothing is guessed beyond.
func TestTooManyOwners(t *testing.T) {
	among := owners{}
	for i := range maxOwners - 1 {
		among[[16]byte{byte(i), byte(i >> 8), byte(i >> 16)}] = ""
	}
	set := object.Decode(nil, []byte(`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"b","name":"r","uid":"2"}}`), nil)
	if err := among.add(set); err != nil {
		t.Error(err)
	}
	var tooMany tooManyOwners
	if err := among.add(set); !errors.As(err, &tooMany) || !strings.Contains(tooMany.Hint(), "--namespace") {
		t.Errorf("one more: %v", err)
	}
}
