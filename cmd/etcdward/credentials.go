package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/systemd"
)

// configuredFile is a file of the configuration, with its key.
type configuredFile struct {
	key string
	config.File
}

// credentialFiles are the files of the configuration that hold secrets, or let into etcd: its CA, certificate and key first. One that
// is not given is "".
func credentialFiles(cfg *config.Config) []configuredFile {
	files := []configuredFile{{"cluster.ca_file", cfg.Cluster.CAFile}, {"cluster.cert_file", cfg.Cluster.CertFile},
		{"cluster.key_file", cfg.Cluster.KeyFile}, {"cluster.password_file", cfg.Cluster.PasswordFile}}
	for i, s := range cfg.Stores {
		if s.S3 != nil {
			files = append(files, configuredFile{fmt.Sprintf("stores[%d].s3.credentials_file", i), s.S3.CredentialsFile})
		}
		if s.GCS != nil {
			files = append(files, configuredFile{fmt.Sprintf("stores[%d].gcs.credentials_file", i), s.GCS.CredentialsFile})
		}
	}
	return files
}

// secretFile is where a file of the configuration lies for this process. The daemon has its credentials from systemd; a verb that root
// called takes them from where systemd takes them, or, where no drop-in says that, from the daemon's own.
func secretFile(f config.File) (string, error) {
	directory := os.Getenv(credentialsDirectory)
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
