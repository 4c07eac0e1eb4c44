package config

import "fmt"

// KeyedFile is a file of the configuration, and the key that names it.
type KeyedFile struct {
	Key string
	File
}

// Files are the files of the configuration that hold secrets or give access to etcd, with its CA, certificate and key
// first. A file that is not configured is "".
func (c *Config) Files() []KeyedFile {
	files := []KeyedFile{{"cluster.ca_file", c.Cluster.CAFile}, {"cluster.cert_file", c.Cluster.CertFile},
		{"cluster.key_file", c.Cluster.KeyFile}, {"cluster.password_file", c.Cluster.PasswordFile}}
	files = append(files, KeyedFile{"metrics.tls_cert_file", c.Metrics.TLSCertFile}, KeyedFile{"metrics.tls_key_file", c.Metrics.TLSKeyFile},
		KeyedFile{"metrics.tls_client_ca_file", c.Metrics.TLSClientCAFile})
	for i, s := range c.Stores {
		if s.S3 != nil {
			files = append(files, KeyedFile{fmt.Sprintf("stores[%d].s3.credentials_file", i), s.S3.CredentialsFile})
		}
		if s.GCS != nil {
			files = append(files, KeyedFile{fmt.Sprintf("stores[%d].gcs.credentials_file", i), s.GCS.CredentialsFile})
		}
	}
	return files
}
