package daemon

import (
	"strings"
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	p := newPulse()
	if !p.alive() {
		t.Error("it is dead from the start")
	}
	p.turned = time.Now().Add(-2 * silence)
	if p.alive() {
		t.Error("a loop that does not turn counts as alive")
	}
	p.begun("verify", time.Hour)
	p.begun("forever", 0)
	if !p.alive() {
		t.Error("a run within its limit counts as dead")
	}
	p.running["verify"] = time.Now().Add(-time.Second)
	if p.alive() {
		t.Error("a run beyond its limit counts as alive")
	}
	p.ended("verify")
	p.ended("forever")
	if !p.alive() {
		t.Error("a loop whose run ended just now counts as dead")
	}
}

// TestBoard holds what stands on the line while runs begin, yield and end.
func TestBoard(t *testing.T) {
	var line string
	b := &board{tell: func(text string) error { line = text; return nil }}
	b.change(func() { b.line.Verdict, b.line.Wrong = "AT_RISK", []string{"a member is away"} })
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { b.begun("defrag") }, "; defrag is running; spool 0; wrong: a member is away"},
		{func() { b.begun("snapshot") }, "; snapshot is running; "},
		{func() { b.say(noteWaits, "a restart waits") }, "; wrong: a restart waits (and 1 more: etcdward status)"},
		{func() { b.ended("snapshot") }, "; defrag is running; "},
		{func() { b.say(noteWaits, ""); b.ended("") }, "; defrag is running; spool 0; wrong: a member is away"},
		{func() { b.ended("defrag") }, "; no snapshot is scheduled; "},
		{b.look, "; no snapshot is scheduled; "}, // nobody watches: nothing to wake
	} {
		step.do()
		if !strings.Contains(line, step.want) {
			t.Errorf("the line is %q, want %q in it", line, step.want)
		}
	}
}
