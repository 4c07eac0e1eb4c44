package listener

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"
)

// Files are the files for TLS. They are read again when they change, so that a renewed certificate needs no restart.
type Files struct {
	// Cert and Key are paths. ClientCA is the path of the authorities of which every client needs a certificate; "" means that none is
	// asked for.
	Cert, Key, ClientCA string

	mu      sync.Mutex
	read    string // the state of the files when they were read
	current *tls.Config
}

// forClient returns the configuration for one connection.
func (f *Files) forClient(*tls.ClientHelloInfo) (*tls.Config, error) { return f.config() }

// config reads the files, if they changed. When they cannot be used, because a renewal is half done for instance, what was read before
// stays in force.
func (f *Files) config() (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := stateOf(f.Cert, f.Key, f.ClientCA)
	if f.current != nil && state == f.read {
		return f.current, nil
	}
	cfg, err := f.load()
	if err != nil {
		if f.current != nil {
			return f.current, nil
		}
		return nil, err
	}
	f.current, f.read = cfg, state
	return cfg, nil
}

func (f *Files) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read metrics.tls_cert_file and metrics.tls_key_file: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	if f.ClientCA == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read metrics.tls_client_ca_file: %w", err)
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !cfg.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read metrics.tls_client_ca_file: %s holds no certificate in PEM", f.ClientCA)
	}
	return cfg, nil
}

// stateOf describes files by their sizes and times.
func stateOf(paths ...string) string {
	state := ""
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			state += fmt.Sprintf("%s %d %s\n", path, info.Size(), info.ModTime().Format(time.RFC3339Nano))
		}
	}
	return state
}
