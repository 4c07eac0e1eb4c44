package document

import "strings"

// Given reports whether the file itself has the key.
func (r *Reader) Given(path string) bool { return r.nodes[path] != nil }

// Sound reports whether the key and the sections around it had no problem.
func (r *Reader) Sound(path string) bool {
	for p, more := path, true; more; p, more = parent(p) {
		if r.broken[p] {
			return false
		}
	}
	return true
}

// Clean reports whether the section and everything in it had no problem.
func (r *Reader) Clean(path string) bool {
	return !r.tainted[path] && r.Sound(path)
}

// parent returns the path of the enclosing value: that of stores[0].name is stores[0], that of stores[0] is
// stores, and that of stores is the empty path of the file, which has no parent.
func parent(path string) (up string, ok bool) {
	if path == "" {
		return "", false
	}
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i], true
	}
	return "", true
}

// Child is the path of a key in the section at path; "" is the whole file.
func Child(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
