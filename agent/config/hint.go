package config

import "strings"

// nearest is the candidate that a misspelt word most likely means, or "" where
// none is near enough to be worth saying.
func nearest(word string, candidates []string) string {
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

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour to get from a to b.
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

// secretKey keeps people from putting into this file, which all may read, what
// other programs take in theirs.
func secretKey(key string) string {
	for _, part := range []string{"password", "secret", "access_key", "token"} {
		if strings.Contains(strings.ToLower(key), part) {
			return ": no secret belongs in this file, only the name of a file that holds it"
		}
	}
	return ""
}

// elsewhere names the place of a key that would be right in another section.
func elsewhere(word string) string {
	for _, key := range Keys() {
		if _, at, found := strings.Cut("."+key+".", "."+word+"."); found {
			return "there is " + strings.TrimSuffix(key, "."+strings.TrimSuffix(at, "."))
		}
	}
	return ""
}

// missingSpace explains what key:value reads as.
func missingSpace(s string) string {
	if before, after, found := strings.Cut(s, ":"); found && after != "" && printableKey.MatchString(before) {
		return ": a colon needs a space behind it"
	}
	return ""
}

// suggest lists what is allowed, and what word most likely stands for; where
// nothing allowed is near, otherwise has a say.
func suggest(word string, allowed []string, otherwise ...func(word string) string) string {
	parts := []string{"allowed: " + strings.Join(allowed, ", ")}
	if near := nearest(word, allowed); near != "" {
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
