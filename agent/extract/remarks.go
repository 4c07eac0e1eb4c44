package extract

import (
	"fmt"
	"strings"
)

// maxRemarks bounds how many reasons an operator is shown; the index has all of them.
const maxRemarks = 10

// Remarks are what an operator should read, besides the kinds: nothing if there is nothing to know.
func (o Outcome) Remarks() []string {
	var all []string
	add := func(n int, format string) {
		if n > 0 {
			all = append(all, fmt.Sprintf(format, n))
		}
	}
	add(o.Unlocked, "%d were encrypted at rest, and are readable in their files.")
	add(o.LeftOut, "%d left out, which are not to be applied: index.jsonl has the reason of each.")
	add(o.Unowned, "%d written without the owner that made them, which is not known to make them again: look at them in index.jsonl before you apply.")
	if o.Whole() {
		return all
	}
	var parts []string
	part := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	part(o.Encrypted, "encrypted at rest")
	part(o.Raw, "raw")
	part(o.Lossy, "that hold more than their file")
	part(o.Doubtful, "that an API server may refuse")
	all = append(all, "Not everything is whole: "+strings.Join(parts, ", ")+"; index.jsonl names them:")
	for i, reason := range o.Reasons {
		if i == maxRemarks {
			all = append(all, "  and other reasons")
			break
		}
		all = append(all, fmt.Sprintf("  %d: %s", reason.Objects, reason.Note))
	}
	return all
}
