package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// printJSON writes a value for programs.
func (inv *invocation) printJSON(v any) error {
	enc := json.NewEncoder(inv.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // commands in it are to be read and copied
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// table writes aligned columns for people; the first row is the head.
func (inv *invocation) table(rows [][]string) error {
	w := tabwriter.NewWriter(inv.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// sections writes several tables; each begins with a row whose first cell begins with a line break.
func (inv *invocation) sections(rows [][]string) error {
	for len(rows) > 0 {
		end := 1
		for end < len(rows) && !strings.HasPrefix(rows[end][0], "\n") {
			end++
		}
		fmt.Fprintln(inv.out)
		rows[0][0] = strings.TrimPrefix(rows[0][0], "\n")
		if err := inv.table(rows[:end]); err != nil {
			return err
		}
		rows = rows[end:]
	}
	return nil
}

// fields writes names and values beneath each other.
func (inv *invocation) fields(pairs ...[2]string) error {
	rows := make([][]string, len(pairs))
	for i, p := range pairs {
		rows[i] = []string{p[0] + ":", p[1]}
	}
	return inv.table(rows)
}

// bytesText is a size for people: 1.2 GiB.
func bytesText(n int64) string {
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

// timeText is a time for people, in UTC as everywhere.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
