package protobuf

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/etcdward/etcdward/test/kinds"
)

// within wraps bytes into messages, from the innermost field number to the outermost.
func within(body string, numbers ...protowire.Number) []byte {
	wire := []byte(body)
	for _, number := range numbers {
		wire = protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), wire)
	}
	return wire
}

// TestEmptyUnknown holds that an unknown field without a value is no loss, wherever it is, and that one with a value is one loss
// however often it occurs. Field 15 of ObjectMeta was clusterName, which Kubernetes up to 1.24 wrote into every object.
func TestEmptyUnknown(t *testing.T) {
	const (
		empty, named = "\x7a\x00", "\x7a\x04prod"
		lost         = "field 15 of meta/v1.ObjectMeta is not known to this version"
	)
	for name, test := range map[string]struct {
		kind string
		raw  []byte
		lost []string
	}{
		"empty string":               {"v1 ConfigMap", within(empty, 1), nil},
		"string":                     {"v1 ConfigMap", within(named, 1), []string{lost}},
		"in a template":              {"apps/v1 Deployment", within(empty, 1, 3, 2), nil},
		"value in a template":        {"apps/v1 Deployment", within(named, 1, 3, 2), []string{lost}},
		"in a template of a Job":     {"batch/v1 CronJob", append(within(empty, 1), within(empty, 1, 6, 2, 5, 2)...), nil},
		"three times, one loss":      {"apps/v1 StatefulSet", slices.Concat(within(named, 1), within(named, 1, 3, 2), within(named, 1, 4, 2)), []string{lost}},
		"in an element of a list":    {"v1 Pod", within("\xf2\x07\x00", 2, 2), nil},
		"value in an element":        {"v1 Pod", within("\xf2\x07\x01x", 2, 2), []string{"field 126 of core/v1.Container is not known to this version"}},
		"zero number":                {"v1 ConfigMap", []byte("\x90\x03\x00"), nil},
		"zero number in five bytes":  {"v1 ConfigMap", []byte("\x90\x03\x80\x80\x80\x80\x00"), nil},
		"number":                     {"v1 ConfigMap", []byte("\x90\x03\x01"), []string{"field 50 of core/v1.ConfigMap is not known to this version"}},
		"zero of 64 bits":            {"v1 ConfigMap", []byte("\x91\x03\x00\x00\x00\x00\x00\x00\x00\x00"), nil},
		"64 bits":                    {"v1 ConfigMap", []byte("\x91\x03\x00\x00\x00\x00\x00\x00\x00\x01"), []string{"field 50 of core/v1.ConfigMap is not known to this version"}},
		"zero of 32 bits":            {"v1 ConfigMap", []byte("\x95\x03\x00\x00\x00\x00"), nil},
		"message of empty fields":    {"v1 ConfigMap", within("\x0a\x00\x10\x00\x1a\x02\x0a\x00", 50), nil},
		"message with one value":     {"v1 ConfigMap", within("\x0a\x00\x10\x01", 50), []string{"field 50 of core/v1.ConfigMap is not known to this version"}},
		"text that looks like a tag": {"v1 ConfigMap", within("\x0a", 50), []string{"field 50 of core/v1.ConfigMap is not known to this version"}},
		"two kinds of loss":          {"v1 ConfigMap", slices.Concat(within(named, 1), []byte("\x90\x03\x01\x90\x03\x02")), []string{"field 50 of core/v1.ConfigMap is not known to this version", lost}},
	} {
		apiVersion, kind, _ := strings.Cut(test.kind, " ")
		got, err := Decode(kinds.Envelope(t, test.raw, apiVersion, kind)[len(Mark):])
		if err != nil || !slices.Equal(got.Lost, test.lost) {
			t.Errorf("%s: lost %q, error %v", name, got.Lost, err)
		}
	}
}
