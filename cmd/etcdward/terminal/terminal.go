// Package terminal shows things to people and programs: tables, sizes, times, progress, JSON. It knows nothing of what it shows.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// JSON writes a value for programs.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // people read and copy the commands in it
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// Table writes aligned columns for people; the first row is the head. Each cell is one line, in which nothing acts upon the terminal, and it fits the
// window as that of Screen.Table does.
func Table(w io.Writer, rows [][]string) error {
	screen := NewScreen(w)
	screen.Table(rows)
	return screen.Err()
}

// Sections writes several tables; each begins with a row whose first cell begins with a line break.
func Sections(w io.Writer, rows [][]string) error {
	for len(rows) > 0 {
		end := 1
		for end < len(rows) && !strings.HasPrefix(rows[end][0], "\n") {
			end++
		}
		fmt.Fprintln(w)
		rows[0][0] = strings.TrimPrefix(rows[0][0], "\n")
		if err := Table(w, rows[:end]); err != nil {
			return err
		}
		rows = rows[end:]
	}
	return nil
}

// Fields writes names and values beneath each other; a value is wrapped at the window's edge.
func Fields(w io.Writer, pairs ...[2]string) error {
	screen, widest := NewScreen(w), 0
	for _, p := range pairs {
		widest = max(widest, utf8.RuneCountInString(p[0]))
	}
	for _, p := range pairs {
		screen.Say(fmt.Sprintf("%-*s  ", widest+1, p[0]+":"), p[1])
	}
	return screen.Err()
}

// Bytes is a size for people: 1.2 GiB.
func Bytes(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= step && unit < 5 {
		value /= step
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, " KMGTP"[unit])
}

// Time is a time for people, in UTC as everywhere.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// TimeOrDash is a time for people, or a dash if there is none.
func TimeOrDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return Time(*t)
}

// YesNo is a bool for people.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Count is a number and its noun: "1 store", "2 stores".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(noun, "s"))
}

// OK is the outcome of a check for people.
func OK(ok bool, detail string) string {
	if ok {
		return "ok: " + detail
	}
	return "FAILED: " + detail
}
