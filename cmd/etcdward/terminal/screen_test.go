package terminal

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text   string
		width  int
		indent string
		want   []string
	}{
		{"a b c", 0, "  ", []string{"a b c"}},
		{"a b c", 5, "  ", []string{"a b c"}},
		{"aa bb cc", 5, "  ", []string{"aa bb", "  cc"}},
		{"  - aa bb", 6, "    ", []string{"  - aa", "    bb"}},
		{"averylongword b", 5, "", []string{"averylongword", "b"}},
		{"zażółć gęślą", 6, "", []string{"zażółć", "gęślą"}},
	} {
		if got := Wrap(c.text, c.width, c.indent); !slices.Equal(got, c.want) {
			t.Errorf("%q at %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestScreenTable(t *testing.T) {
	rows := func() [][]string {
		return [][]string{{"JOB", "OUTCOME", "NEXT"}, {"snap\x1b", "FAILED", "tomorrow"}, {"b", "ok", ""}}
	}
	for _, c := range []struct {
		screen Screen
		want   string
	}{
		{Screen{}, "JOB         OUTCOME  NEXT\nsnap\\u001b  FAILED   tomorrow\nb           ok\n"},
		{Screen{width: 29, colour: true}, "JOB         OUTCOME  NEXT\nsnap\\u001b  \x1b[1;31mFAILED\x1b[0m   tomorrow\nb           \x1b[32mok\x1b[0m\n"},
		{Screen{width: 20}, "JOB snap\\u001b\n  OUTCOME  FAILED\n  NEXT     tomorrow\nJOB b\n  OUTCOME  ok\n"},
	} {
		var out bytes.Buffer
		c.screen.w = &sticky{w: &out}
		c.screen.Table(rows())
		if out.String() != c.want {
			t.Errorf("at %d columns:\n%q\nwant\n%q", c.screen.width, out.String(), c.want)
		}
	}
}

func TestScreenLine(t *testing.T) {
	var out bytes.Buffer
	Screen{w: &sticky{w: &out}, width: 20, colour: true}.Line("AT_RISK", "restorable to \x1b nothing")
	if got := out.String(); got != "\x1b[33mAT_RISK\x1b[0m  restorable\n  to \\u001b nothing\n" {
		t.Errorf("%q", got)
	}
}

func TestScreenText(t *testing.T) {
	var out bytes.Buffer
	Screen{w: &sticky{w: &out}, width: 12}.Text("1. one two three\n   four five six\n  m1:  a command of any length\n\nend\n")
	if got := out.String(); got != "1. one two\nthree\n   four five\n   six\n  m1:  a command of any length\n\nend\n" {
		t.Errorf("%q", got)
	}
}

// TestColourIsForTerminals: a file or a pipe has neither colours nor a width.
func TestColourIsForTerminals(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	var out bytes.Buffer
	s := NewScreen(NewSafe(&out))
	s.Line("PROTECTED", strings.Repeat("long ", 60))
	if s.width != 0 || strings.Contains(out.String(), "\x1b") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%d columns: %q", s.width, out.String())
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC)
	for ahead, want := range map[time.Duration]string{
		-30 * time.Second: "2026-11-22 12:29Z (< 1 min)", -time.Hour: "2026-11-22 11:30Z (1 h)", 30 * time.Minute: "2026-11-22 13:00Z (in 30 min)",
		-72 * time.Hour: "2026-11-19 12:30Z (3 days)",
	} {
		if at := now.Add(ahead); When(&at, now) != want {
			t.Errorf("%s: %q, want %q", ahead, When(&at, now), want)
		}
	}
	if When(nil, now) != "-" || Share(1, 0) != "-" || Share(1, 3) != "33%" {
		t.Error("what is not there")
	}
}

// TestScreenFull: what could not be written is no success.
func TestScreenFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	s := NewScreen(full)
	s.Line("PROTECTED", "")
	if s.Gap(); !errors.Is(s.Err(), syscall.ENOSPC) {
		t.Errorf("got %v", s.Err())
	}
}
