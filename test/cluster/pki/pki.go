// Package pki makes the certificates of a test's cluster.
//
// It does not know who uses them. Each file is replaced at once, so that a reader sees the old or the new content.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"testing"
	"time"
)

// Validity is how long a certificate holds.
const Validity = 24 * time.Hour

// Authority signs the certificates of one cluster.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes a CA and writes its certificate to a file.
func New(t testing.TB, certFile string) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("pki: make CA key: %v", err)
	}
	ca := template("etcd-ca", time.Now().Add(Validity))
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatalf("pki: sign CA: %v", err)
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatalf("pki: parse CA: %v", err)
	}
	writePEM(t, certFile, "CERTIFICATE", der)
	return &Authority{cert: ca, key: key}
}

// Roots is the pool that trusts this authority alone.
func (a *Authority) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return roots
}

// ServerTemplate is the certificate of a member on this host.
func ServerTemplate() *x509.Certificate {
	server := template("etcd-server", time.Now().Add(Validity))
	server.IPAddresses, server.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	// As kubeadm does it: the gRPC gateway shows the server's certificate to its
	// own member as a client.
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return server
}

func template(name string, notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: notAfter.Add(-2 * Validity),
		NotAfter:  notAfter,
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

// ClientTemplate is a certificate that a client shows.
func ClientTemplate(name string, notAfter time.Time) *x509.Certificate {
	c := template(name, notAfter)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return c
}

// Issue signs a certificate for a new key and writes both.
func (a *Authority) Issue(t testing.TB, cert *x509.Certificate, certFile, keyFile string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("pki: make key of %s: %v", cert.Subject.CommonName, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatalf("pki: sign %s: %v", cert.Subject.CommonName, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("pki: encode key of %s: %v", cert.Subject.CommonName, err)
	}
	writePEM(t, keyFile, "PRIVATE KEY", secret)
	writePEM(t, certFile, "CERTIFICATE", der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// writePEM replaces a file so that a reader sees the old or the new content.
func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path+".new", block, 0o600); err != nil {
		t.Fatalf("pki: write certificates: %v", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatalf("pki: write certificates: %v", err)
	}
}
