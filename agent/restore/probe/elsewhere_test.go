package probe

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestElsewhere warns of a host that has not the member's address.
func TestElsewhere(t *testing.T) {
	for url, want := range map[string]string{"https://192.0.2.7:2380": "192.0.2.7", "https://[2001:db8::7]:2380": "2001:db8::7", "https://127.0.0.1:2380": "",
		"https://[::1]:2380": "", "https://no-such-host.invalid:2380": ""} {
		if got := Elsewhere(t.Context(), []string{url}); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}
