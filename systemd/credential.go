package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unitFolders are the folders of drop-ins for the unit. A later one overrides an earlier one.
var unitFolders = []string{"lib/systemd/system", "usr/lib/systemd/system", "usr/local/lib/systemd/system", "run/systemd/system", "etc/systemd/system"}

// CredentialsDirectory is the variable in which systemd tells the processes of a unit where their secrets
// are.
const CredentialsDirectory = "CREDENTIALS_DIRECTORY"

// RuntimeDirectory is the variable in which systemd tells a unit's processes where their folder in /run is: the daemon, and the check that a reload
// makes, which knows by it what the daemon cannot take without a restart.
const RuntimeDirectory = "RUNTIME_DIRECTORY"

// CredentialSource returns the file that systemd hands over under a name, according to the unit's drop-ins below root. There a
// process that systemd did not start, such as a verb that root runs, finds the same secret. It returns "" if no drop-in names the
// file with a path.
func CredentialSource(root, name string) string {
	files := map[string]string{} // one name, one file: /etc hides /usr
	for _, folder := range unitFolders {
		found, _ := filepath.Glob(filepath.Join(root, folder, "etcdward.service.d", "*.conf")) // the only error is that of a malformed pattern
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
			continue // a drop-in that cannot be read names no file, and the caller reports what is missing
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
