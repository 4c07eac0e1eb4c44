package cluster

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
	"path/filepath"
	"testing"
	"time"
)

// authority signs the certificates of one cluster.
type authority struct {
	cert              *x509.Certificate
	key               *ecdsa.PrivateKey
	client            *tls.Config // what the cluster's own clients use
	certFile, keyFile string      // the same as files, for etcdctl
}

const validity = 24 * time.Hour

// writeCredentials makes a CA, one server certificate for all members, and two
// client certificates: one to hand out and one of our own.
func (c *Cluster) writeCredentials(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("cluster: make CA key: %v", err)
	}
	ca := template("etcd-ca", time.Now().Add(validity))
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatalf("cluster: sign CA: %v", err)
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatalf("cluster: parse CA: %v", err)
	}
	pki := &authority{cert: ca, key: key}
	path := func(name string) string { return filepath.Join(c.dir, name) }
	c.CAFile, c.CertFile, c.KeyFile = path("ca.crt"), path("client.crt"), path("client.key")
	writePEM(t, c.CAFile, "CERTIFICATE", der)

	server := template("etcd-server", time.Now().Add(validity))
	server.IPAddresses, server.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	// As kubeadm does it: the gRPC gateway shows the server's certificate to its
	// own member as a client.
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	pki.issue(t, server, path("server.crt"), path("server.key"))

	pki.certFile, pki.keyFile = path("test.crt"), path("test.key")
	own := pki.issue(t, clientTemplate("etcd-test", time.Now().Add(validity)), pki.certFile, pki.keyFile)
	pki.issue(t, clientTemplate("etcd-client", time.Now().Add(validity)), c.CertFile, c.KeyFile)

	roots := x509.NewCertPool()
	roots.AddCert(ca)
	pki.client = &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	c.pki = pki
	c.args = append(c.args, "--client-cert-auth=true", "--trusted-ca-file="+c.CAFile,
		"--cert-file="+path("server.crt"), "--key-file="+path("server.key"))
}

// RotateCertificates writes a new client certificate and key of the same CA to
// CertFile and KeyFile, as a renewal does: each file is replaced at once, the
// key first. The old certificate stays valid.
func (c *Cluster) RotateCertificates(t testing.TB) {
	t.Helper()
	c.reissue(t, time.Now().Add(validity))
}

// ExpireClientCertificate writes a client certificate to CertFile and KeyFile
// that ended an hour ago: members refuse each new connection made with it.
func (c *Cluster) ExpireClientCertificate(t testing.TB) {
	t.Helper()
	c.reissue(t, time.Now().Add(-time.Hour))
}

func (c *Cluster) reissue(t testing.TB, notAfter time.Time) {
	t.Helper()
	if c.pki == nil {
		t.Fatalf("cluster: renew client certificate: the cluster is plain")
	}
	c.pki.issue(t, clientTemplate("etcd-client", notAfter), c.CertFile, c.KeyFile)
}

func template(name string, notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: notAfter.Add(-2 * validity),
		NotAfter:  notAfter,
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

func clientTemplate(name string, notAfter time.Time) *x509.Certificate {
	c := template(name, notAfter)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return c
}

// issue signs a certificate for a new key and writes both.
func (a *authority) issue(t testing.TB, cert *x509.Certificate, certFile, keyFile string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("cluster: make key of %s: %v", cert.Subject.CommonName, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatalf("cluster: sign %s: %v", cert.Subject.CommonName, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("cluster: encode key of %s: %v", cert.Subject.CommonName, err)
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
		t.Fatalf("cluster: write certificates: %v", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatalf("cluster: write certificates: %v", err)
	}
}
