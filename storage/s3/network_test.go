package s3

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/port"
)

// tlsServer starts a server with a certificate of its own, which is in AWS_CA_BUNDLE if trusted, and returns its URL.
func tlsServer(t *testing.T, trusted bool, certify func(*x509.Certificate), configure func(*tls.Config)) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"store.example"},
	}
	certify(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	configure(server.TLS)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	if trusted {
		t.Setenv("AWS_CA_BUNDLE", writePEM(t, der))
	}
	return server.URL
}

// TestPermanentFaults meets the faults that stay, with the times that users have: each is told soon, in one sentence, and asked once or
// a few times.
func TestPermanentFaults(t *testing.T) {
	same := func(*x509.Certificate) {}
	plainTLS := func(*tls.Config) {}
	for name, test := range map[string]struct {
		endpoint func(*testing.T) string
		refusal
	}{
		"unknown CA": {func(t *testing.T) string { return tlsServer(t, false, same, plainTLS) },
			refusal{says: "an authority that this host does not know", try: "update-ca-certificates", kind: storage.ErrSetup}},
		"certificate of another": {func(t *testing.T) string {
			return tlsServer(t, true, func(c *x509.Certificate) { c.IPAddresses = nil }, plainTLS)
		}, refusal{says: `the store's certificate is not for "127.0.0.1"`, try: "as its certificate does", kind: storage.ErrSetup}},
		"certificate expired": {func(t *testing.T) string {
			return tlsServer(t, true, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, plainTLS)
		}, refusal{says: "has expired, or is not valid yet", try: "timedatectl", kind: storage.ErrSetup}},
		"certificate of tomorrow": {func(t *testing.T) string {
			return tlsServer(t, true, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }, plainTLS)
		}, refusal{says: "has expired, or is not valid yet", try: "timedatectl", kind: storage.ErrSetup}},
		"client certificate demanded": {func(t *testing.T) string {
			return tlsServer(t, true, same, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
		}, refusal{says: "refuses the TLS connection", try: "client certificates", kind: storage.ErrSetup}},
		"old TLS alone": {func(t *testing.T) string {
			return tlsServer(t, true, same, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
		}, refusal{says: "refuses the TLS connection", try: "TLS versions", kind: storage.ErrSetup}},
		"https to a port of http": {func(t *testing.T) string {
			server := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(server.Close)
			return strings.Replace(server.URL, "http:", "https:", 1)
		}, refusal{says: "does not speak TLS", try: "http:// in place of https://", kind: storage.ErrSetup}},
		"http to a port of https": {func(t *testing.T) string {
			return strings.Replace(tlsServer(t, true, same, plainTLS), "https:", "http:", 1)
		},
			refusal{says: "the store's port speaks TLS", try: "https:// in place of http://", kind: storage.ErrSetup}},
		"nobody listens": {func(t *testing.T) string { return "http://" + port.Free(t, "127.0.0.1") },
			refusal{says: "nobody listens at 127.0.0.1:", try: "endpoint's port", kind: storage.ErrAway}},
		"no such host": {func(*testing.T) string { return "https://no-such-host.invalid" },
			refusal{says: `no-such-host.invalid"`, try: "check", kind: nil}},
	} {
		t.Run(name, func(t *testing.T) {
			options := newCredentials(t, storagetest.Server{Endpoint: test.endpoint(t), Region: "us-east-1", AccessKey: "a", SecretKey: "s"})
			options.Bucket, test.code = "bucket", name
			bucket := openWith(t, options, defaults)
			begin := time.Now()
			err := put("key", 1)(t.Context(), bucket)
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v, want less than 10 s", took)
			}
			if name == "no such host" { // a resolver that is not there knows it no less than one that is
				test.kind = storage.ErrSetup
				if strings.Contains(err.Error(), "name server") {
					test.kind = storage.ErrAway
				}
			}
			wantRefusal(t, test.refusal, err)
		})
	}
}

// TestBucketMissingIsSoon has a real server without the bucket, and the times that users have.
func TestBucketMissingIsSoon(t *testing.T) {
	options := newCredentials(t, storagetest.VersityGW(t))
	options.Bucket = "no-such-bucket"
	begin := time.Now()
	for _, err := range []error{put("key", 1)(t.Context(), open(t, options)), lastError(open(t, options).List(t.Context(), ""))} {
		wantRefusal(t, refusal{code: "missing", says: `there is no bucket "no-such-bucket"`, try: "make the bucket", kind: storage.ErrSetup}, err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestEndpointRefused has endpoints that are no URLs.
func TestEndpointRefused(t *testing.T) {
	for _, endpoint := range []string{"minio:9000", "localhost", "ftp://host", "https://", "http//host", "https://host name"} {
		_, err := Open(t.Context(), Options{Bucket: "b", Region: "r", Endpoint: endpoint})
		wantRefusal(t, refusal{code: endpoint, says: "is no URL", try: "https://", kind: storage.ErrSetup}, err)
	}
}

// TestCredentials has files of credentials in all the states in which people leave them.
func TestCredentials(t *testing.T) {
	const keys = "aws_access_key_id = a\naws_secret_access_key = s\n"
	for name, test := range map[string]struct{ content, says, try string }{
		"good":              {"[default]\n" + keys, "", ""},
		"good, CRLF":        {strings.ReplaceAll("[default]\n"+keys, "\n", "\r\n"), "", ""},
		"empty":             {"", "the file is empty", "[default]"},
		"blank":             {" \n\n", "the file is empty", "[default]"},
		"byte order mark":   {"\xef\xbb\xbf[default]\n" + keys, "begins with a byte order mark", "sed -i"},
		"UTF-16":            {"\xff\xfe[\x00d\x00]\x00", "UTF-16", "UTF-8"},
		"another section":   {"[backup]\n" + keys, "no section [default]", "AWS_PROFILE"},
		"no section":        {keys, "no section [default]", "AWS_PROFILE"},
		"no secret":         {"[default]\naws_access_key_id = a\n", "has no aws_access_key_id", "aws_secret_access_key"},
		"JSON":              {`{"type":"service_account"}`, "the file is JSON", "gcs"},
		"good, in quotes":   {"[default]\naws_access_key_id = \"a\"\naws_secret_access_key = \"s\"\n", "", ""},
		"shell's variables": {"export AWS_ACCESS_KEY_ID=a\n", "", "[default]"},
	} {
		file := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		bucket, err := Open(t.Context(), Options{Bucket: "b", Region: "r", CredentialsFile: file})
		if strings.HasPrefix(name, "good") {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got, err := bucket.client.Options().Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != "a" || got.SecretAccessKey != "s" {
				t.Errorf("%s: got %q and %q, error %v", name, got.AccessKeyID, got.SecretAccessKey, err)
			}
			continue
		}
		wantRefusal(t, refusal{code: name, says: test.says, try: test.try, kind: storage.ErrSetup}, err)
	}
	for path, says := range map[string]string{"/nowhere": "there is no such file", t.TempDir(): "cannot be read"} {
		_, err := Open(t.Context(), Options{Bucket: "b", Region: "r", CredentialsFile: path})
		wantRefusal(t, refusal{code: path, says: says, kind: storage.ErrSetup}, err)
	}
}

// TestCredentialsGone loses the file while the bucket is in use: that is no missing object.
func TestCredentialsGone(t *testing.T) {
	through, _ := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	if err := os.Remove(through.CredentialsFile); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, refusal{code: "gone", says: "there is no such file", try: "credentials_file", kind: storage.ErrSetup}, put("key", 1)(t.Context(), bucket))
}

// TestEncodingUnsigned keeps out of the signature what Google's front end changes.
func TestEncodingUnsigned(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), plain)
	bucket := openWith(t, through.Options, quick())
	inner := through.Store
	through.Store = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := r.Header.Get("Authorization")
		if !strings.Contains(signed, "SignedHeaders=") || strings.Contains(signed, "accept-encoding") || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: signed %q, Accept-Encoding %q", storagetest.S3Operation(r), signed, r.Header.Get("Accept-Encoding"))
		}
		r.Header.Set("Accept-Encoding", "gzip,gfe")
		inner.ServeHTTP(w, r)
	})
	for _, size := range []int{1, 6 << 20} {
		obj := storagetest.Put(t, bucket, "key", storagetest.Content(size, 1))
		storagetest.Read(t, bucket, obj)
		storagetest.List(t, bucket, "")
		if err := bucket.Delete(t.Context(), obj); err != nil {
			t.Error(err)
		}
	}
}

// TestNoCredentials has no credentials anywhere.
func TestNoCredentials(t *testing.T) {
	through, _ := newMemory(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	through.CredentialsFile = ""
	begin := time.Now()
	wantRefusal(t, refusal{code: "none", says: "there are no credentials for the store", try: "credentials_file", kind: storage.ErrSetup},
		put("key", 1)(t.Context(), openWith(t, through.Options, defaults)))
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
