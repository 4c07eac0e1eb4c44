package protobuf

import (
	"strings"
	"testing"
)

// TestTimes holds that a time that JSON cannot say is noted with what is lost of it.
func TestTimes(t *testing.T) {
	var d decoder
	for _, test := range []struct {
		scalar string
		nanos  int64
		want   string
	}{{"time", 0, ""}, {"time", 5, "1 s and 5 ns"}, {"microtime", 5000, ""}, {"microtime", 5001, "1 s and 5001 ns"}} {
		d.Notes = nil
		got := d.time(&field{name: "at", scalar: test.scalar}, 1, test.nanos)
		if lost := strings.Join(d.Notes, ""); !strings.HasPrefix(got, "1970-01-01T00:00:01") || !strings.HasSuffix(lost, test.want) || (lost == "") != (test.want == "") {
			t.Errorf("%+v: %s %q", test, got, lost)
		}
	}
}
