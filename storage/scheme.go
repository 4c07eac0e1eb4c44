package storage

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// probeTime is how long a port may take to show that it speaks TLS.
const probeTime = 3 * time.Second

// Scheme finds out whether an endpoint with http: leads to a port that speaks TLS. Such a port says so in an answer of its own, or just
// breaks the connection off, which looks like a fault that passes. It is asked once.
type Scheme struct {
	// plain is the endpoint if it begins with http:, and else nil.
	plain *url.URL
	once  sync.Once
	tls   bool
}

// NewScheme returns the scheme of an endpoint. It asks nobody yet.
func NewScheme(endpoint string) *Scheme {
	if parsed, err := url.Parse(endpoint); err == nil && parsed.Scheme == "http" {
		return &Scheme{plain: parsed}
	}
	return &Scheme{}
}

// Cause is that of an error if the scheme is wrong, and else nil.
func (s *Scheme) Cause(err error) *Cause {
	cause := connectionCause(err)
	if s.plain == nil || cause == nil || cause.Says != brokeOff {
		return nil
	}
	s.once.Do(func() { s.tls = speaksTLS(s.plain) })
	if !s.tls {
		return nil
	}
	return HTTPToHTTPS()
}

// HTTPToHTTPS is the cause of an endpoint with http: whose port speaks TLS.
func HTTPToHTTPS() *Cause {
	return &Cause{Says: "the store's port speaks TLS", Try: "write https:// in place of http:// in the endpoint", Kind: ErrSetup}
}

// speaksTLS begins a TLS connection, with whatever certificate, and sends nothing on it.
func speaksTLS(endpoint *url.URL) bool {
	if through, err := http.ProxyFromEnvironment(&http.Request{URL: endpoint}); err != nil || through != nil {
		return false // what is behind the proxy cannot be seen from here
	}
	address := endpoint.Host
	if endpoint.Port() == "" {
		address = net.JoinHostPort(endpoint.Hostname(), "80")
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent, and nothing believed
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn.Close() == nil
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" // an alert is TLS as well
}
