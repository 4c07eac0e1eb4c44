package storage

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxKey is the length in bytes of the longest key. S3 and GCS end at 1,024,
	// from which the bucket's prefix is to be paid.
	MaxKey = 512
	// MaxElement is the length in bytes of the longest part between two slashes,
	// which is a file's name in a directory.
	MaxElement = 255
	// Reserved begins the names that providers use for themselves, unfinished
	// files for instance. No element of a key begins with it.
	Reserved = ".etcdward-"
)

// CheckKey returns nil for a key that every provider can store, and else says
// what is wrong with it. Providers call it; callers need not.
func CheckKey(key string) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("check key %q: %w", key, err)
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("it is empty")
	case len(key) > MaxKey:
		return fmt.Errorf("it has %d bytes, more than %d", len(key), MaxKey)
	case !utf8.ValidString(key):
		return errors.New("it is not UTF-8")
	case strings.ContainsFunc(key, unicode.IsControl):
		return errors.New("it has a control character")
	}
	for element := range strings.SplitSeq(key, "/") {
		switch {
		case element == "":
			return errors.New("it has an empty element")
		case element == "." || element == "..":
			return fmt.Errorf("it has the element %q", element)
		case len(element) > MaxElement:
			return fmt.Errorf("it has an element of %d bytes, more than %d", len(element), MaxElement)
		case strings.HasPrefix(element, Reserved):
			return fmt.Errorf("it has an element that begins with %q", Reserved)
		}
	}
	return nil
}

// CheckPrefix returns nil if a key can begin with prefix. Else a listing by it is
// empty, and a provider need not trouble the store, which might refuse it.
func CheckPrefix(prefix string) error {
	if CheckKey(prefix) == nil {
		return nil
	}
	return CheckKey(prefix + "x")
}
