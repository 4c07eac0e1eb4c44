package wire

import (
	"os"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/systemd"
)

// SecretFile returns where this process finds a file of the configuration. The daemon gets its credentials from systemd. A verb that
// root runs takes them from where systemd takes them or, if no drop-in names that place, from the running daemon's own copies.
func SecretFile(f config.File) (string, error) {
	directory := os.Getenv(systemd.CredentialsDirectory)
	name, is := f.Credential()
	if is && directory == "" {
		if source := systemd.CredentialSource("/", name); source != "" {
			return source, nil
		}
		const running = "/run/credentials/etcdward.service"
		if _, err := os.Stat(filepath.Join(running, name)); err == nil {
			directory = running
		}
	}
	return f.Path(directory)
}
