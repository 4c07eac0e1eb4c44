package wire

import (
	"os"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/systemd"
)

// SecretFile is where a file of the configuration lies for this process. The daemon has its credentials from systemd; a verb that root
// called takes them from where systemd takes them or, if no drop-in says that, from the daemon's own.
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
