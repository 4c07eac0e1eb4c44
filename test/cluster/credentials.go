package cluster

import (
	"crypto/tls"
	"path/filepath"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster/pki"
)

// credentials are the keys and certificates that a cluster with TLS keeps for itself.
type credentials struct {
	authority         *pki.Authority
	client            *tls.Config // what the cluster's own clients use
	certFile, keyFile string      // the same as files, for etcdctl
}

// writeCredentials makes a CA, one server certificate for all members, and two
// client certificates: one to hand out and one of our own.
func (c *Cluster) writeCredentials(t testing.TB) {
	t.Helper()
	path := func(name string) string { return filepath.Join(c.dir, name) }
	c.CAFile, c.CertFile, c.KeyFile = path("ca.crt"), path("client.crt"), path("client.key")
	authority := pki.New(t, c.CAFile)
	authority.Issue(t, pki.ServerTemplate(), path("server.crt"), path("server.key"))

	end := time.Now().Add(pki.Validity)
	tests := &credentials{authority: authority, certFile: path("test.crt"), keyFile: path("test.key")}
	own := authority.Issue(t, pki.ClientTemplate("etcd-test", end), tests.certFile, tests.keyFile)
	authority.Issue(t, pki.ClientTemplate("etcd-client", end), c.CertFile, c.KeyFile)
	tests.client = &tls.Config{RootCAs: authority.Roots(), Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	c.pki = tests
	c.args = append(c.args, "--client-cert-auth=true", "--trusted-ca-file="+c.CAFile,
		"--cert-file="+path("server.crt"), "--key-file="+path("server.key"))
}

// RotateCertificates writes a new client certificate and key of the same CA to
// CertFile and KeyFile, as a renewal does: each file is replaced at once, the
// key first. The old certificate stays valid.
func (c *Cluster) RotateCertificates(t testing.TB) {
	t.Helper()
	c.reissue(t, time.Now().Add(pki.Validity))
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
	c.pki.authority.Issue(t, pki.ClientTemplate("etcd-client", notAfter), c.CertFile, c.KeyFile)
}
