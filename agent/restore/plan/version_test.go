package plan

import "testing"

func TestParseEtcdVersion(t *testing.T) {
	for text, want := range map[string]string{"3.6.16": "3.6.16", "v3.5": "3.5", "3.6.0-rc.1": "3.6.0-rc.1", "": "", "latest": "", "3": "", "3.6.x": "", "3.6 16": ""} {
		if got, err := ParseEtcdVersion(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
