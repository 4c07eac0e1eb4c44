package connection

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc/credentials"
)

// fileCredentials is TLS that reads its files for every handshake. So a renewed certificate is used from the
// next connection on, and an error names the file.
type fileCredentials struct {
	caFile, certFile, keyFile string
}

// load reads the files.
func (f *fileCredentials) load() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.caFile != "" {
		text, err := os.ReadFile(f.caFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca_file %s: it holds no PEM certificate", f.caFile)
		}
	}
	if f.certFile == "" {
		return cfg, nil
	}
	pair, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("cert_file %s, key_file %s: %w", f.certFile, f.keyFile, err)
	}
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("cert_file %s: the certificate expired at %s", f.certFile, end.UTC().Format(time.RFC3339))
	}
	cfg.Certificates = []tls.Certificate{pair}
	return cfg, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (f *fileCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return credentials.NewTLS(cfg).ClientHandshake(ctx, authority, raw)
}

// ServerHandshake is not for clients.
func (*fileCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("etcd: these credentials are a client's")
}

// Info implements credentials.TransportCredentials.
func (*fileCredentials) Info() credentials.ProtocolInfo { return credentials.NewTLS(nil).Info() }

// Clone implements credentials.TransportCredentials.
func (f *fileCredentials) Clone() credentials.TransportCredentials { c := *f; return &c }

// OverrideServerName implements credentials.TransportCredentials; the name is always the endpoint's.
func (*fileCredentials) OverrideServerName(string) error { return nil }
