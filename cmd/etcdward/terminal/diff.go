package terminal

import (
	"fmt"
	"strings"
)

// diffContext is how many lines around a change are shown.
const diffContext = 3

// UnifiedDiff shows what becomes of a text, as diff -u does; "" if nothing does. A nil text is no file.
func UnifiedDiff(path string, before, after []byte) string {
	if string(before) == string(after) && (before == nil) == (after == nil) {
		return ""
	}
	a, b := linesOf(before), linesOf(after)
	ops := edits(a, b)
	from := path
	if before == nil {
		from = "/dev/null"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", from, path)
	for start := 0; start < len(ops); {
		if ops[start].mark == ' ' {
			start++
			continue
		}
		// A hunk goes on while changes are near enough to each other.
		end, quiet := start, 0
		for i := start; i < len(ops) && quiet <= 2*diffContext; i++ {
			if quiet++; ops[i].mark != ' ' {
				end, quiet = i+1, 0
			}
		}
		writeHunk(&out, ops, max(0, start-diffContext), min(len(ops), end+diffContext))
		start = min(len(ops), end+diffContext)
	}
	return out.String()
}

// op is one line of a diff: kept, taken out or put in. before and after count the lines of each side up to it.
type op struct {
	mark          byte
	line          string
	before, after int
}

func writeHunk(out *strings.Builder, ops []op, from, to int) {
	removed, added := 0, 0
	for _, o := range ops[from:to] {
		if o.mark != '+' {
			removed++
		}
		if o.mark != '-' {
			added++
		}
	}
	place := func(n, count int) string {
		if count > 0 {
			n++
		}
		if count == 1 {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%d,%d", n, count)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", place(ops[from].before, removed), place(ops[from].after, added))
	for _, o := range ops[from:to] {
		fmt.Fprintf(out, "%c%s\n", o.mark, o.line)
	}
}

func linesOf(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// edits is the shortest way from a to b. Its time grows with the product of their lengths, so both have to be as short as configurations.
func edits(a, b []string) []op {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var ops []op
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			ops = append(ops, op{' ', a[i], i, j})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			ops = append(ops, op{'-', a[i], i, j})
			i++
		default:
			ops = append(ops, op{'+', b[j], i, j})
			j++
		}
	}
	return ops
}
