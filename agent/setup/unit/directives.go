package unit

import (
	"slices"
	"strings"
)

// directives are the lines of drop-ins that matter to setup.
type directives struct {
	// sources are the files behind LoadCredential=, by name; "": the credential comes from no plain file.
	sources map[string]string
	// files are all files that systemd hands over, by name: those of sources, and encrypted ones.
	files map[string]string
	// watched reports that paths to watch are named.
	watched bool
	// lifted are the options, such as ProtectHome, that are switched off.
	lifted map[string]bool
}

func newDirectives() directives {
	return directives{sources: map[string]string{}, files: map[string]string{}, lifted: map[string]bool{}}
}

// read adds the directives of a drop-in.
func (d *directives) read(text []byte) {
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		name, path, _ := strings.Cut(value, ":")
		path = strings.ReplaceAll(path, "%%", "%")
		switch {
		case value == "":
		case key == "LoadCredential", key == "LoadCredentialEncrypted":
			d.sources[name] = ""
			if key == "LoadCredential" {
				d.sources[name] = path
			}
			// Without an absolute path it is a credential that systemd itself was given.
			if CheckPath(path) == nil {
				d.files[name] = path
			}
		case key == "SetCredential", key == "SetCredentialEncrypted":
			d.sources[name] = ""
		case key == "PathChanged", key == "PathModified":
			d.watched = true
		case key == "ProtectHome", key == "PrivateTmp":
			d.lifted[key] = slices.Contains([]string{"no", "false", "off", "0"}, strings.ToLower(value))
		}
	}
}
