// Package unit is the drop-ins of the agent's systemd units: what those of a host say, and the text of the ones that setup writes. It
// writes nothing, and does not know who chose the files of the secrets.
//
// Its one invariant: what an operator says in a drop-in of his own is never said again, nor overruled, in one of setup's.
package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/etcdward/etcdward/agent/setup/hostfs"
)

// The agent's units.
const (
	Service = "etcdward.service"
	// Certs watches certificates and secrets, and starts Renew when one is written.
	Certs = "etcdward-certs.path"
	// Renew restarts the agent, so that it takes up what was written.
	Renew = "etcdward-certs.service"
)

// Config is the configuration that the agent's unit reads.
const Config = "/etc/etcdward/config.yaml"

// DropIn is the drop-in that setup keeps for a unit, and what the other drop-ins of that unit say.
type DropIn struct {
	// Path is where it is, or would be, on the host.
	Path string
	// Text is what it holds; nil means that there is none.
	Text        []byte
	own, others directives
}

// Read reads the drop-ins of a unit on a host. There may be none.
func Read(host *hostfs.Host, unit string) (DropIn, error) {
	folder := "/etc/systemd/system/" + unit + ".d"
	d := DropIn{Path: folder + "/setup.conf", own: newDirectives(), others: newDirectives()}
	var err error
	if d.Text, err = host.Current(d.Path); err != nil {
		return d, err
	}
	d.own.read(d.Text)
	entries, err := host.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	for _, e := range entries {
		name := folder + "/" + e.Name()
		if filepath.Ext(name) != ".conf" || name == d.Path {
			continue
		}
		// A link to /dev/null takes a drop-in of the same name away.
		if link, err := host.ReadLink(name); err == nil && link == os.DevNull {
			continue
		}
		text, err := host.ReadFile(name)
		if err != nil {
			return d, err
		}
		d.others.read(text)
	}
	return d, nil
}

// CheckPath refuses a path that systemd would read as something else.
func CheckPath(path string) error {
	switch {
	case !filepath.IsAbs(path) || filepath.Clean(path) != path:
		return fmt.Errorf("%q is no absolute, clean path", path)
	case strings.ContainsAny(path, `"'\`) || strings.ContainsFunc(path, unicode.IsControl) || strings.TrimSpace(path) != path:
		return fmt.Errorf("%q: a unit takes no quotes, no backslashes, no control characters, and no spaces at either end", path)
	}
	return nil
}

// escaped is a path with the mark of systemd's specifiers doubled, so that it begins none.
func escaped(path string) string { return strings.ReplaceAll(path, "%", "%%") }

// word is a path for a line that can hold several.
func word(path string) string {
	if strings.ContainsFunc(path, unicode.IsSpace) {
		return `"` + escaped(path) + `"`
	}
	return escaped(path)
}
