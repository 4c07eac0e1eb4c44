// Package version reads and compares versions of etcd. It knows numbers, and what changed in etcd with them; it asks no server.
package version

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a version of etcd. The zero value means that the version is not known.
type Version struct{ Major, Minor, Patch int }

// Parse reads 3.6.16, v3.6.16 and 3.6, with or without what follows a "-" or "+". An error means that the text is not a
// version, and that a comparison must treat it as unknown.
func Parse(text string) (Version, error) {
	plain, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), "+")
	plain, _, _ = strings.Cut(plain, "-")
	parts := strings.Split(plain, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return Version{}, fmt.Errorf("%.40q is no version of etcd, such as 3.6.16", text)
	}
	var numbers [3]int
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return Version{}, fmt.Errorf("%.40q is no version of etcd, such as 3.6.16", text)
		}
		numbers[i] = int(n)
	}
	return Version{numbers[0], numbers[1], numbers[2]}, nil
}

// Known reports whether there is a version at all.
func (v Version) Known() bool { return v != Version{} }

// Compare is negative if v is older than other, positive if it is newer.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor), cmp.Compare(v.Patch, other.Patch))
}

// Older reports whether v comes before other.
func (v Version) Older(other Version) bool { return v.Compare(other) < 0 }

// Release is the version without its patch number. Every server of a release can read data of that release.
func (v Version) Release() Version { return Version{v.Major, v.Minor, 0} }

// MinorOf is the minor version in a text such as 3.6.16; 0 if there is none, or another major version than 3.
func MinorOf(text string) int {
	v, err := Parse(text)
	if err != nil || v.Major != 3 {
		return 0
	}
	return v.Minor
}
