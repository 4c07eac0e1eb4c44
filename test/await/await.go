// Package await waits in tests for a condition.
package await

import (
	"testing"
	"time"
)

// Until returns when met returns true. It fails the test if that takes longer than limit, with what was waited for; what is printed only then.
func Until(t testing.TB, limit time.Duration, what any, met func() bool) {
	t.Helper()
	Every(t, 50*time.Millisecond, limit, what, met)
}

// Every is [Until] for a condition that is costly to look at: its looks grow apart up to longest, and not only to 50 ms.
func Every(t testing.TB, longest, limit time.Duration, what any, met func() bool) {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	// What comes soon is seen soon, and what takes long costs little.
	pause := 2 * time.Millisecond
	again := time.NewTimer(pause)
	defer again.Stop()
	for !met() {
		select {
		case <-again.C:
			pause = min(2*pause, longest)
			again.Reset(pause)
		case <-late.C:
			t.Fatalf("%v: not within %s", what, limit)
		}
	}
}
