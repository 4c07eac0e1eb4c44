package snapshot

import (
	"strings"
	"testing"
)

func TestDecodeJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"format":1}`:          "",
		`[]`:                    "a JSON array in the place of an object",
		`"x"`:                   "a JSON string in the place of an object",
		`{"revision":"120001"}`: "field revision: a JSON string does not belong there",
		`{"cluster":{"id":[]}}`: "field cluster.id: a JSON array does not belong there",
		`{"total_keys":1e99}`:   "field total_keys: a JSON number 1e99",
		`{"format":1`:           "unexpected end",
		`{"revision":` + strings.Repeat("9", 4000) + `}`: "field revision: a JSON number 99",
	} {
		err := DecodeJSON([]byte(body), new(Manifest))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40s: got %v, want %q", body, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "Go ") || strings.Contains(err.Error(), "Manifest") || len(err.Error()) > 200) {
			t.Errorf("%.40s: %v", body, err)
		}
	}
}
