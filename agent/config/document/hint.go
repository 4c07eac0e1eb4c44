package document

import "strings"

// secretKey keeps people from writing secrets into this file, which everybody on the host may read, although
// other programs take them in theirs.
func secretKey(key string) string {
	for _, part := range []string{"password", "secret", "access_key", "token"} {
		if strings.Contains(strings.ToLower(key), part) {
			return ": no secret belongs in this file, only the name of a file that holds it"
		}
	}
	return ""
}

// elsewhere names the section in which a misplaced key would be right.
func (r *Reader) elsewhere(word string) string {
	for _, key := range Keys(r.top) {
		if _, at, found := strings.Cut("."+key+".", "."+word+"."); found {
			return "there is " + strings.TrimSuffix(key, "."+strings.TrimSuffix(at, "."))
		}
	}
	return ""
}

// missingSpace explains how YAML reads key:value without a space.
func missingSpace(s string) string {
	if before, after, found := strings.Cut(s, ":"); found && after != "" && printableKey.MatchString(before) {
		return ": a colon needs a space behind it"
	}
	return ""
}
