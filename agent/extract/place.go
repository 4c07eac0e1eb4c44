package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/notation"
)

// Bounds of names: file systems take names of 255 bytes, and the kernel paths of 4096.
const (
	maxNameBytes = 200
	maxPathBytes = 1000
)

// The endings of files.
const (
	endYAML   = notation.EndYAML
	endJSON   = notation.EndJSON
	endText   = ".txt"
	endBinary = ".bin"
)

// place returns the path for the value of a key, below the folder of the objects and without the ending: the key itself. Keys
// come from a file that is not trusted, and may hold any byte. No two keys have the same place, none has one outside, and no
// file has the name of a folder. A % begins whatever stands for something else.
func place(key string) string {
	rest, rooted := strings.CutPrefix(key, "/")
	names := strings.Split(rest, "/")
	for i, name := range names {
		names[i] = safeName(name)
		if i < len(names)-1 {
			names[i] = safeFolder(names[i])
		}
	}
	if !rooted {
		names = append([]string{"%-"}, names...) // the keys a and /a differ
	}
	if whole := strings.Join(names, "/"); len(whole) <= maxPathBytes {
		return whole
	}
	return "%long/" + digest(key)
}

// elsewhere returns another place for a key, if the file system takes the first one for that of another key.
func elsewhere(key string) string { return "%same/" + digest(key) }

// safeName writes one part of a key as the name of a file.
func safeName(part string) string {
	if part == "" {
		return "%"
	}
	var name strings.Builder
	for i := range len(part) {
		b := part[i]
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9',
			strings.IndexByte("_:@+=,", b) >= 0, strings.IndexByte(".-", b) >= 0 && i > 0:
			name.WriteByte(b)
		default:
			fmt.Fprintf(&name, "%%%02X", b)
		}
	}
	if name.Len() > maxNameBytes {
		return name.String()[:maxNameBytes/2] + "%~" + digest(part)
	}
	return name.String()
}

// safeFolder keeps the name of a folder from being that of a file.
func safeFolder(name string) string {
	for _, end := range []string{endYAML, endJSON, endText, endBinary} {
		if rest, ok := strings.CutSuffix(name, end); ok {
			return rest + "%2E" + end[1:]
		}
	}
	return name
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
