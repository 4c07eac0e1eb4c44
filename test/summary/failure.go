package main

import (
	"regexp"
	"strings"
)

var (
	frame = regexp.MustCompile(`^ *(=== (RUN|PAUSE|CONT|NAME) |--- (FAIL|PASS|SKIP): )`)
	// entry matches the first line of what a test prints with t.Error, t.Fatal or t.Log. Its further lines
	// are indented deeper.
	entry = regexp.MustCompile(`^( +)[^ /:]+\.go:\d+: `)
	crash = regexp.MustCompile(`^(panic: |fatal error: |SIG[A-Z]+: )`)
)

const (
	raceBorder = "=================="
	// shortEntry is how many lines an entry from a helper may have and still not count as the log of a
	// server.
	shortEntry = 4
)

// assertionsFirst orders the output of a failed test. First come the messages of the test itself, races and panics. After them come long
// messages from helpers, and output that did not go through the test, such as the log of a server.
func assertionsFirst(output string) string {
	lines := strings.SplitAfter(output, "\n")
	var first, rest strings.Builder
	for i := 0; i < len(lines); {
		n, important := piece(lines[i:])
		text := strings.Join(lines[i:i+n], "")
		switch {
		case frame.MatchString(text):
		case important:
			first.WriteString(text)
		default:
			rest.WriteString(text)
		}
		i += n
	}
	if rest.Len() > 0 && strings.TrimSpace(rest.String()) != "" {
		return first.String() + "    -- further output:\n" + rest.String()
	}
	return first.String()
}

// piece counts the lines of what begins here, and reports whether it says why the test failed.
func piece(lines []string) (n int, important bool) {
	switch begin := lines[0]; {
	case crash.MatchString(begin):
		return len(lines), true // only the stacks come after it
	case strings.HasPrefix(begin, raceBorder):
		for n = 1; n < len(lines); n++ {
			if strings.HasPrefix(lines[n], raceBorder) {
				return n + 1, true
			}
		}
		return n, true
	case entry.MatchString(begin):
		deeper := entry.FindStringSubmatch(begin)[1] + "    "
		for n = 1; n < len(lines) && (strings.HasPrefix(lines[n], deeper) || lines[n] == "\n"); n++ {
		}
		return n, n <= shortEntry || strings.Contains(begin, "_test.go:")
	}
	return 1, false
}
