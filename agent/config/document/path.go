package document

import "strings"

// Given says that the file itself has the key.
func (r *Reader) Given(path string) bool { return r.nodes[path] != nil }

// Sound says that nothing was wrong with the key, nor with what it lies in.
func (r *Reader) Sound(path string) bool {
	for p, more := path, true; more; p, more = parent(p) {
		if r.broken[p] {
			return false
		}
	}
	return true
}

// Clean says that nothing was wrong with the section nor with anything in it.
func (r *Reader) Clean(path string) bool {
	return !r.tainted[path] && r.Sound(path)
}

// parent of stores[0].name is stores[0], of stores[0] is stores, of stores is
// the empty path of the file, which has none.
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
