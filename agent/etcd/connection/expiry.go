package connection

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

// Expiry is when the certificates of a client expire. Zero: there is none.
type Expiry struct {
	// Client is that of the client's own certificate, Authority the first of the authorities that it trusts.
	Client, Authority time.Time
}

// Expiry reads the files of the pool's options, as they are now.
func (p *Pool) Expiry() (out Expiry, err error) {
	if out.Client, err = soonest(p.options.CertFile, 1); err != nil {
		return out, err
	}
	out.Authority, err = soonest(p.options.CAFile, 1<<10)
	return out, err
}

// soonest returns when the first of the certificates in a file expires, of which it looks at so many at most: the first one of a client's is its own. An empty
// path has none.
func soonest(path string, most int) (first time.Time, err error) {
	if path == "" {
		return first, nil
	}
	rest, err := os.ReadFile(path)
	if err != nil {
		return first, err
	}
	for n := 0; n < most; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return first, fmt.Errorf("read certificate in %s: %w", path, err)
		}
		if n++; first.IsZero() || cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	return first, nil
}
