package systemd

import (
	"fmt"
	"strings"
	"time"
)

// Line is the content of the one line in systemctl status. Zero values are left out, or shown as missing.
type Line struct {
	Verdict  string    // PROTECTED, AT_RISK, UNPROTECTED; "" before the first look
	Proven   time.Time // when the newest proven snapshot was taken; zero: none is known
	Revision int64     // of that snapshot
	Stored   time.Time // when the newest snapshot that every store has was taken; zero: at least one store has none
	Unread   bool      // a store could not be read: what it has is not known
	Next     time.Time // when the next snapshot is due; zero: never
	Spooled  int       // snapshots that wait on this host for a store
	Running  string    // the job under way; "" if there is none
	Wrong    []string  // the gravest first
}

// longestReason keeps the line readable on a terminal, since the text of an error may be a page long.
const longestReason = 160

// String is the line. Times are in UTC.
func (l Line) String() string {
	if l.Verdict == "" {
		return "starting: nothing was checked yet"
	}
	proven := "nothing proven"
	if !l.Proven.IsZero() {
		proven = fmt.Sprintf("proven to %s, revision %d", clock(l.Proven), l.Revision)
	}
	parts := []string{l.Verdict + ": " + proven}
	switch {
	case l.Unread:
		parts = append(parts, "a store cannot be read")
	case l.Stored.IsZero():
		parts = append(parts, "a store has none")
	default:
		parts = append(parts, "in every store to "+clock(l.Stored))
	}
	switch {
	case l.Running != "":
		parts = append(parts, l.Running+" is running")
	case l.Next.IsZero():
		parts = append(parts, "no snapshot is scheduled")
	default:
		parts = append(parts, "next "+clock(l.Next))
	}
	parts = append(parts, fmt.Sprintf("spool %d", l.Spooled))
	if len(l.Wrong) > 0 {
		reason := short(l.Wrong[0])
		if more := len(l.Wrong) - 1; more > 0 {
			reason += fmt.Sprintf(" (and %d more: etcdward status)", more)
		}
		parts = append(parts, "wrong: "+reason)
	}
	return strings.Join(parts, "; ")
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

func short(reason string) string {
	runes := []rune(reason)
	if len(runes) <= longestReason {
		return reason
	}
	return string(runes[:longestReason-1]) + "…"
}
