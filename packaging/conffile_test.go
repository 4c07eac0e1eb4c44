// Package packaging tests what is packed, and has no code of its own.
package packaging

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
)

// TestConffileIsFrozen holds the shipped configuration file to what it was in the first release. Every host has it changed by setup: after
// any edit of it here dpkg would ask each of them which one to keep, and an upgrade that nobody watches would fail.
func TestConffileIsFrozen(t *testing.T) {
	text, err := os.ReadFile("config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != "81347c6dc670817f814d92a4cc02780ae35092154f0a1e2267ee8619df64be6b" {
		t.Errorf("config.yaml was changed: SHA-256 %s", got)
	}
}
