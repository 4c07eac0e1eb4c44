package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unitFolders are where drop-ins of the unit may lie, the last with the last word.
var unitFolders = []string{"lib/systemd/system", "usr/lib/systemd/system", "usr/local/lib/systemd/system", "run/systemd/system", "etc/systemd/system"}

// CredentialsDirectory is the variable in which systemd tells a unit's processes where their secrets are.
const CredentialsDirectory = "CREDENTIALS_DIRECTORY"

// RuntimeDirectory is the variable in which systemd tells a unit's processes where their folder in /run is: the daemon, and the check that a reload
// makes, which knows by it what the daemon cannot take without a restart.
const RuntimeDirectory = "RUNTIME_DIRECTORY"

// CredentialSource is the file that the unit's drop-ins below root have systemd hand over under a name: where a process that systemd
// did not start, a verb that root called, finds the same secret. "": no drop-in names it with a path.
func CredentialSource(root, name string) string {
	files := map[string]string{} // one name, one file: /etc hides /usr
	for _, folder := range unitFolders {
		found, _ := filepath.Glob(filepath.Join(root, folder, "etcdward.service.d", "*.conf")) // the pattern is sound
		for _, path := range found {
			files[filepath.Base(path)] = path
		}
	}
	var order []string
	for base := range files {
		order = append(order, base)
	}
	slices.Sort(order)
	source := ""
	for _, base := range order {
		text, err := os.ReadFile(files[base])
		if err != nil {
			continue // what cannot be read names nothing; the one who asks says what is missing
		}
		for line := range strings.Lines(string(text)) {
			value, is := strings.CutPrefix(strings.TrimSpace(line), "LoadCredential=")
			if !is {
				continue
			}
			id, path, _ := strings.Cut(strings.TrimSpace(value), ":")
			switch {
			case id == "":
				source = "" // an empty line takes back all before it
			case id == name && filepath.IsAbs(path):
				source = path
			}
		}
	}
	return source
}
