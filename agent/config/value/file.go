package value

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// File names a file that etcdward reads: an absolute path, or credential:NAME
// for a file that systemd hands over. Empty means none.
type File string

const credentialScheme = "credential:"

var credentialName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,255}$`)

// Credential is NAME if the file is credential:NAME.
func (f File) Credential() (name string, ok bool) {
	return strings.CutPrefix(string(f), credentialScheme)
}

// Path is where the file lies. directory is $CREDENTIALS_DIRECTORY, which systemd sets for a unit with
// credentials. An error means that the file is a credential and directory is empty. The path of the empty
// File is empty.
func (f File) Path(directory string) (string, error) {
	name, ok := f.Credential()
	if !ok {
		return string(f), nil
	}
	if directory == "" {
		return "", fmt.Errorf("find %s: $CREDENTIALS_DIRECTORY is not set: "+
			"the unit needs LoadCredential=%s:PATH, which etcdward setup writes", f, name)
	}
	return filepath.Join(directory, name), nil
}

// ParseFile never repeats s, because a user may have given the secret itself in place of the name of its
// file.
func ParseFile(s string) (File, error) {
	const allowed = " (allowed: an absolute path, or credential:NAME)"
	f := File(s)
	name, credential := f.Credential()
	switch {
	case s == "":
		return f, nil
	case credential && (!credentialName.MatchString(name) || name == "." || name == ".."):
		return "", errors.New("the name of a credential has only letters, digits, and _ . -" + allowed)
	case credential:
		return f, nil
	case !strings.HasPrefix(s, "/"):
		return "", errors.New("not an absolute path" + allowed)
	case filepath.Clean(s) != s:
		return "", errors.New("the path is not clean: leave out //, . and .. and the last slash" + allowed)
	case s == "/":
		return "", errors.New("names a directory" + allowed)
	}
	return f, nil
}
