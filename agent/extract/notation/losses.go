package notation

import (
	"fmt"
	"slices"
)

// Losses are notes of what a tree does not hold of the value that it was read from, each kind of loss once.
type Losses struct{ Notes []string }

// Add notes a loss, unless the same one is noted already. Only the first few are kept: one is enough to distrust the tree.
func (l *Losses) Add(format string, args ...any) {
	const most = 3
	if note := fmt.Sprintf(format, args...); len(l.Notes) < most && !slices.Contains(l.Notes, note) {
		l.Notes = append(l.Notes, note)
	}
}
