package systemd

import (
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	at := func(hour, minute int) time.Time {
		return time.Date(2026, 11, 22, hour, minute, 0, 0, time.FixedZone("", 3600))
	}
	for _, c := range []struct {
		name string
		line Line
		want string
	}{
		{"first", Line{}, "starting: nothing was checked yet"},
		{"well", Line{Verdict: "PROTECTED", Proven: at(11, 0), Revision: 7, Stored: at(11, 0), Next: at(12, 0)},
			"PROTECTED: proven to 2026-11-22 10:00Z, revision 7; in every store to 2026-11-22 10:00Z; next 2026-11-22 11:00Z; spool 0"},
		{"nothing yet", Line{Verdict: "UNPROTECTED", Spooled: 2, Wrong: []string{"no proven snapshot is known"}},
			"UNPROTECTED: nothing proven; a store has none; no snapshot is scheduled; spool 2; wrong: no proven snapshot is known"},
		{"a store away", Line{Verdict: "AT_RISK", Proven: at(11, 0), Revision: 7, Unread: true, Spooled: 1},
			"AT_RISK: proven to 2026-11-22 10:00Z, revision 7; a store cannot be read; no snapshot is scheduled; spool 1"},
		{"at work", Line{Verdict: "AT_RISK", Proven: at(11, 0), Revision: 7, Stored: at(12, 0), Next: at(12, 0), Running: "verify", Wrong: []string{"a", "b", "c"}},
			"AT_RISK: proven to 2026-11-22 10:00Z, revision 7; in every store to 2026-11-22 11:00Z; verify is running; spool 0; wrong: a (and 2 more: etcdward status)"},
	} {
		if got := c.line.String(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	long := Line{Verdict: "AT_RISK", Wrong: []string{strings.Repeat("ä", 500)}}.String()
	if n := strings.Count(long, "ä"); n != 159 || !strings.HasSuffix(long, "ä…") {
		t.Errorf("a long reason keeps %d letters: %s", n, long)
	}
}
