package cluster

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"
)

// dial makes one connection with the handed-out credentials as they are now,
// and reports what the member says to them.
func dial(t *testing.T, c *Cluster) (*tls.Certificate, error) {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(c.Members[0].ClientURL, "https://"), &tls.Config{
		RootCAs:      c.pki.client.RootCAs,
		Certificates: []tls.Certificate{cert},
		NextProtos:   []string{"h2"},
	})
	if err != nil {
		return &cert, err
	}
	defer func() { _ = conn.Close() }()
	// With TLS 1.3 the verdict on the client comes with the first bytes.
	_, err = conn.Read(make([]byte, 1))
	return &cert, err
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Members: 1})
	first, err := dial(t, c)
	if err != nil {
		t.Fatalf("with the first certificate: %v", err)
	}

	c.RotateCertificates(t)
	second, err := dial(t, c)
	if err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	if second.Leaf.SerialNumber.Cmp(first.Leaf.SerialNumber) == 0 {
		t.Error("the rotation left the certificate as it was")
	}

	c.ExpireClientCertificate(t)
	if _, err := dial(t, c); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with the expired certificate: %v, want a refusal", err)
	}
	put(t, c.Client(t), "the cluster's own clients go on")
	c.Etcdctl(t, "endpoint", "health")

	c.RotateCertificates(t)
	if _, err := dial(t, c); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	for _, path := range []string{c.KeyFile, c.CertFile, c.CAFile} {
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", path, stat.Mode().Perm())
		}
	}
}
