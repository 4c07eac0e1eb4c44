package notation

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestNumbers holds each number to what kubectl makes of the YAML: it is the same to the last digit, or is said not to be.
func TestNumbers(t *testing.T) {
	for literal, want := range map[string]string{
		"0": "0", "-0": "0", "-0.0": "0", "-1": "-1", "9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808",
		"12345678901234567890": "12345678901234567890", "18446744073709551615": "18446744073709551615", "18446744073709551616": "", "-9223372036854775809": "",
		"100000000000000000000": "100000000000000000000", "123456789012345680000": "123456789012345680000", "123456789012345678901234567890": "",
		"0.5": "0.5", "0.50": "0.5", "5e-1": "0.5", "0.1": "0.1", "1E3": "1000", "1.5e+300": "1.5e+300", "1.0": "1", "-2.50": "-2.5", "1e-7": "1e-7",
		"0.1234567890123456789": "", "0.30000000000000004": "0.30000000000000004", "9007199254740993.0": "", "1e-400": "", "1e-99999999999999999999": "", "0e99999999999999999999": "0",
		"1e400": "none",
	} {
		v, lost, err := Parse([]byte(`{"x":` + literal + `}`))
		if err != nil {
			t.Fatal(err)
		}
		text, err := YAML(v.(map[string]any))
		if want == "none" {
			if err == nil {
				t.Errorf("%s: written as %s", literal, text)
			}
			continue
		}
		if err != nil || (lost != "") != (want == "") {
			t.Errorf("%s: lost %q, error %v", literal, lost, err)
		}
		back, err := yaml.YAMLToJSON(text)
		if err != nil || want != "" && string(back) != `{"x":`+want+"}" {
			t.Errorf("%s: back came %s, error %v", literal, back, err)
		}
	}
}

// TestHalfCharacter holds that what encoding/json replaces in a string is seen, and nothing else is taken for it.
func TestHalfCharacter(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "", `"\u00e9"`: "", `"\ud83d\ude00"`: "", `"\ufffd"`: "", `"\\ud800"`: "", `"\"\\\\ud800"`: "", `"\ud83d\ude00\ud83d\ude00"`: "",
		`"\ud800"`: `\ud800`, `"\uDFFF"`: `\uDFFF`, `"\ud83dx"`: `\ud83d`, `"\ud83d\ud83d\ude00"`: `\ud83d`, `"\ude00\ud83d"`: `\ude00`,
		`"\ud83d\n"`: `\ud83d`, `"\\\ud83d"`: `\ud83d`, `"\u0041\ud83d"`: `\ud83d`, `"\ud83d\ude00\ud801"`: `\ud801`, `{"\ud800":1}`: `\ud800`,
	} {
		if !json.Valid([]byte(text)) {
			t.Fatal(text)
		}
		_, lost, err := Parse([]byte(text))
		if err != nil || (lost != "") != (want != "") || !strings.HasPrefix(lost, want) {
			t.Errorf("%s: %q, error %v", text, lost, err)
		}
	}
}
