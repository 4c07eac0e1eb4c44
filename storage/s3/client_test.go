package s3

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestOptionsRefused(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	noKeys := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(noKeys, []byte("[default]\nregion = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, options := range map[string]Options{
		"no bucket is named":             {},
		"prefix":                         {Bucket: "b", Region: "r", Prefix: "a/../b"},
		"allowed are auto":               {Bucket: "b", Region: "r", Checksums: "never"},
		"allowed are none":               {Bucket: "b", Region: "r", Lock: "for ever"},
		"takes one day or more":          {Bucket: "b", Region: "r", Lock: "compliance"},
		"no region is set":               {Bucket: "b"},
		"has no aws_access_key_id":       {Bucket: "b", Region: "r", CredentialsFile: noKeys},
		"read credentials from /nowhere": {Bucket: "b", Region: "r", CredentialsFile: "/nowhere"},
	} {
		if _, err := Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%+v): got error %v, want %q", options, err, want)
		}
	}
	if _, err := Open(t.Context(), Options{Bucket: "b", Endpoint: "http://127.0.0.1:1"}); err != nil {
		t.Errorf("Open with an endpoint and no region, the store away: %v", err)
	}
}

// TestCABundle trusts a store of a private CA, as the environment says.
func TestCABundle(t *testing.T) {
	store := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotImplemented)
	}))
	defer store.Close()
	store.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	options := newCredentials(t, storagetest.Server{Endpoint: store.URL, AccessKey: "a", SecretKey: "s"})
	options.Bucket = "bucket"
	if _, err := openWith(t, options, quick()).Inspect(t.Context()); err == nil {
		t.Error("Inspect without the CA: got no error")
	}
	t.Setenv("AWS_CA_BUNDLE", writePEM(t, store.Certificate().Raw))
	if _, err := openWith(t, options, quick()).Inspect(t.Context()); err != nil {
		t.Errorf("Inspect with AWS_CA_BUNDLE: %v", err)
	}
}

// writePEM writes a certificate to a file.
func writePEM(t *testing.T, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChecksums looks at the headers of all requests, whichever way the setting comes.
func TestChecksums(t *testing.T) {
	server := storagetest.VersityGW(t)
	for _, test := range []struct {
		option, environment string
		want                bool
	}{
		{"auto", "", true}, {"", "", true}, {"when_required", "", false}, {"", "when_required", false}, {"when_required", "when_supported", false},
	} {
		t.Setenv("AWS_REQUEST_CHECKSUM_CALCULATION", test.environment)
		through := newProxy(t, server, plain)
		through.Checksums = test.option
		bucket := openWith(t, through.Options, quick())
		var mu sync.Mutex
		with := map[string]bool{}
		inner := through.Store
		through.Store = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			for header := range r.Header {
				if name := strings.ToLower(header); strings.HasPrefix(name, "x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm" || name == "x-amz-trailer" {
					with[storagetest.S3Operation(r)] = true
				}
			}
			mu.Unlock()
			inner.ServeHTTP(w, r)
		})
		storagetest.Read(t, bucket, storagetest.Put(t, bucket, "small", []byte("x")))
		storagetest.Read(t, bucket, storagetest.Put(t, bucket, "large", storagetest.Content(6<<20, 1)))
		storagetest.List(t, bucket, "")
		if err := bucket.Delete(t.Context(), storage.Object{Key: "small"}); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"PUT object", "CreateMultipartUpload", "UploadPart"} {
			if with[name] != test.want {
				t.Errorf("checksums %q, environment %q: %s has a checksum: %v, want %v", test.option, test.environment, name, with[name], test.want)
			}
		}
		if test.option == "when_required" && len(with) > 0 {
			t.Errorf("checksums %q, environment %q: these have one: %v", test.option, test.environment, with)
		}
	}
}

// TestNewObjects looks at what the options add to a write.
func TestNewObjects(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), plain)
	through.StorageClass, through.KMSKeyID = "STANDARD_IA", "key-1"
	bucket := openWith(t, through.Options, quick())
	for name, size := range map[string]int{"PUT object": 1, "CreateMultipartUpload": 6 << 20} {
		var header http.Header
		through.Break(name, 1, func(p *storagetest.Front, w http.ResponseWriter, r *http.Request) {
			header = r.Header.Clone()
			storagetest.RefuseS3(403, "AccessDenied", "enough seen")(p, w, r)
		})
		if _, err := bucket.Put(t.Context(), storagetest.Upload("key", storagetest.Content(size, 1))); err == nil {
			t.Errorf("%s: got no error", name)
		}
		for key, want := range map[string]string{
			"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Server-Side-Encryption": "aws:kms",
			"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "key-1",
		} {
			if got := header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
	}
}

func TestPartSize(t *testing.T) {
	const mib, gib, tib = int64(1) << 20, int64(1) << 30, int64(1) << 40
	for size, want := range map[int64]int64{17 * mib: 16 * mib, 8 * gib: 16 * mib, 156 * gib: 16 * mib, 160 * gib: 17 * mib, 5 * tib: 525 * mib} {
		got := partSizeFor(size, 16*mib)
		if got != want {
			t.Errorf("partSizeFor(%d): got %d, want %d", size, got, want)
		}
		if parts := (size + got - 1) / got; parts > maxParts {
			t.Errorf("partSizeFor(%d): %d parts", size, parts)
		}
	}
}

// TestCredentialsFile follows a file that changes.
func TestCredentialsFile(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment")
	options := newCredentials(t, storagetest.Server{Endpoint: "http://127.0.0.1:1", AccessKey: "first", SecretKey: "s"})
	options.Bucket = "bucket"
	got, err := open(t, options).client.Options().Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "first" || !got.CanExpire {
		t.Errorf("got key %q, expiring %v, error %v, want that of the file", got.AccessKeyID, got.CanExpire, err)
	}
}
