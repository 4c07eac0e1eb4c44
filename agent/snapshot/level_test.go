package snapshot

import (
	"strings"
	"testing"
)

func TestLevel(t *testing.T) {
	for text, want := range map[string]int{
		"":                                     0,
		"sha256":                               0,
		"pages":                                0,
		"sha256 pages":                         2,
		"pages sha256":                         2,
		"sha256 pages hash_kv":                 3,
		"sha256 pages read_back":               4,
		"sha256 pages hash_kv read_back drill": 5,
		"hash_kv read_back drill":              0,
		"sha256 drill":                         0,
		"sha256 pages !hash_kv":                0,
		"!sha256 pages drill":                  0,
		"sha256 pages !drill drill":            0,
		"sha256 pages of_a_later_version":      2,
		"sha256 pages !of_a_later_version":     0,
		"of_a_later_version":                   0,
	} {
		var checks []Check
		for name := range strings.FieldsSeq(text) {
			checks = append(checks, Check{Name: strings.TrimPrefix(name, "!"), OK: name[0] != '!'})
		}
		if got := Level(checks); got != want {
			t.Errorf("Level(%s): got %d, want %d", text, got, want)
		}
		if got := (Examination{Checks: checks}).OK(); got != (want >= 2) {
			t.Errorf("Examination.OK of %s: got %v", text, got)
		}
	}
}

func TestMinorOf(t *testing.T) {
	for versions, want := range map[[2]string]int{
		{"3.6.0", "3.6.0"}: 6, {"3.7.0", "3.6.0"}: 7, {"", "3.5.0"}: 5, {"", ""}: 0, {"", "3"}: 0, {"4.1.0", "3.6.0"}: 6, {"3.x.0", "3.6.0"}: 6, {"", "2.3.0"}: 0,
	} {
		if got := minorOf(versions[0], versions[1]); got != want {
			t.Errorf("minorOf(%q): got %d, want %d", versions, got, want)
		}
	}
}
