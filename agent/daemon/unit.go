package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/systemd"
)

func clusterNote() string {
	if dir := os.Getenv(systemd.RuntimeDirectory); dir != "" {
		return filepath.Join(dir, "cluster")
	}
	return ""
}

// noteCluster writes down which cluster this daemon serves. Outside systemd it does nothing.
func noteCluster(name string) error {
	path := clusterNote()
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(name+"\n"), 0o644)
}

// otherCluster means that a reload would make a daemon serve another cluster.
type otherCluster struct{ now, was string }

func (o otherCluster) Error() string {
	return fmt.Sprintf("cluster.name is %s now and was %s: a restart is needed", o.now, o.was)
}

// AsUnit checks, if this is a process of the unit, that the running daemon could accept the configuration. It could not
// accept new secrets, which systemd hands over only at the start, nor the name of another cluster.
func AsUnit(cfg *config.Config) error {
	return errors.Join(sameCluster(cfg.Cluster.Name), secretsReadable(cfg))
}

func sameCluster(name string) error {
	path := clusterNote()
	if path == "" {
		return nil
	}
	noted, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if was := strings.TrimSpace(string(noted)); was != name {
		return otherCluster{name, was}
	}
	return nil
}

// secretsReadable opens every file that the configuration names. Outside the unit it does nothing, because root can read more than the
// daemon.
func secretsReadable(cfg *config.Config) error {
	directory := os.Getenv(systemd.CredentialsDirectory)
	if directory == "" {
		return nil
	}
	var errs error
	for _, f := range cfg.Files() {
		if f.File == "" {
			continue
		}
		path, err := f.Path(directory)
		if err == nil {
			err = readable(path)
		}
		if name, is := f.Credential(); is && errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("systemd handed over no credential %s: a drop-in needs LoadCredential=%s:PATH, as etcdward setup writes it, and then a restart", name, name)
		}
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", f.Key, err))
		}
	}
	return errs
}

func readable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return file.Close()
}

// credentialsThere checks that systemd could hand the secrets over again. If somebody has just moved a certificate away, that is no
// reason to end a daemon that has its own copy.
func credentialsThere(root string) error {
	directory := os.Getenv(systemd.CredentialsDirectory)
	if directory == "" {
		return nil
	}
	handed, err := os.ReadDir(directory)
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	for _, entry := range handed {
		source := systemd.CredentialSource(root, entry.Name())
		if source == "" {
			continue
		}
		// A file that this user may not see counts as present.
		if _, err := os.Stat(filepath.Join(root, source)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("credential %s: %w", entry.Name(), err)
		}
	}
	return nil
}
