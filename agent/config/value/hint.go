package value

import "strings"

// Nearest is the candidate that a misspelt word most likely means, or "" if none is near enough to be worth
// suggesting.
func Nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	word = strings.ToLower(word)
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if best == "" && len(word) >= 3 && strings.HasPrefix(strings.ToLower(c), word) {
			best = c
		}
		if d := distance(word, strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the edits that turn a into b: bytes inserted, deleted, replaced, or swapped with their
// neighbour.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Suggest lists what is allowed and what word most likely means. If nothing allowed is near, it uses the text
// of otherwise.
func Suggest(word string, allowed []string, otherwise ...func(word string) string) string {
	parts := []string{"allowed: " + strings.Join(allowed, ", ")}
	if near := Nearest(word, allowed); near != "" {
		parts = append(parts, "did you mean "+near+"?")
	} else {
		for _, say := range otherwise {
			if s := say(word); s != "" {
				parts = append(parts, s)
			}
		}
	}
	return " (" + strings.Join(parts, "; ") + ")"
}
