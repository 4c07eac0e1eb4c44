package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in the file.
type Problem struct {
	// File is the name given to [Parse], or the path given to [Load].
	File string
	// Line and Col count from 1; Col counts characters. They point at the wrong value or, if a key is
	// missing, at the section that lacks it.
	Line, Col int
	// Path is the key, such as stores[0].s3.bucket. It is empty if the file as a whole is wrong.
	Path string
	// Message says what is wrong and what would be right. It never repeats a
	// value that may be a secret.
	Message string
}

// String is the line a user reads and an editor can jump from.
func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Col, p.Path, p.Message)
}

// Invalid means that the file was read and must be changed: no part of it is in
// effect. Problems has at least one entry and is sorted by position.
type Invalid struct {
	Problems []Problem
}

// Error is one line for each problem.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// invalid sorts problems and drops those that repeat what was reported about the same place.
func invalid(problems []Problem) *Invalid {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return &Invalid{Problems: slices.Compact(problems)}
}
