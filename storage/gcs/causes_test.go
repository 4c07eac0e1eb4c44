package gcs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
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

// refusal is an answer of the service, and what a person is to read of it.
type refusal struct {
	status          int
	reason, message string
	says, try       string
	kind            error
}

var refusals = []refusal{
	{404, "notFound", "The specified bucket does not exist.", "there is no bucket", "make the bucket", storage.ErrSetup},
	{400, "invalid", "Invalid bucket name: 'x_'", "no name of a bucket", "lower case", storage.ErrSetup},
	{403, "accountDisabled", "The account for the specified project has been disabled.", "is closed, or bills nobody", "billing", storage.ErrSetup},
	{403, "forbidden", "The billing account for the owning project is disabled in state absent", "is closed, or bills nobody", "billing", storage.ErrSetup},
	{403, "userProjectAccountProblem", "There is a problem with the project used in the request", "is closed, or bills nobody", "billing", storage.ErrSetup},
	{403, "accessNotConfigured", "Cloud Storage API has not been used in project 1 before or it is disabled.", "has not switched Cloud Storage on", "gcloud services", storage.ErrSetup},
	{400, "userProjectMissing", "Bucket is a requester pays bucket but no user project provided.", "lets whoever asks pay", "requester pays", storage.ErrSetup},
	{403, "insufficientPermissions", "Request had insufficient authentication scopes.", "not for writing to storage", "storage-rw", storage.ErrSetup},
	{403, "forbidden", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: x", "policy of the organization", "organization's policies", storage.ErrDenied},
	{403, "rateLimitExceeded", "Too many requests", "overloaded", "tries again", nil},
	{403, "quotaExceeded", "Quota exceeded", "quota of the store is used up", "raise the quota", nil},
	{400, "kmsKeyDisabled", "The Cloud KMS key is disabled", "with which the bucket encrypts", "enable the key", storage.ErrSetup},
	{403, "forbidden", "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account has been authorized", "with which the bucket encrypts", "enable the key", storage.ErrSetup},
	{401, "authError", "Invalid Credentials", "access denied by the store", "credentials_file", storage.ErrKeys},
	{401, "required", "Anonymous caller does not have storage.objects.create access", "got no credentials", "credentials_file", storage.ErrKeys},
	{403, "forbidden", "x@y does not have storage.objects.create access to the Google Cloud Storage object.", "access denied by the store", "/usr/share/etcdward/iam", storage.ErrDenied},
	{413, "uploadTooLarge", "too large", "larger than the store takes", "raise the limit", storage.ErrSetup},
	{429, "rateLimitExceeded", "slow down", "overloaded", "tries again", nil},
	{501, "notImplemented", "no", "does not know this request", "endpoint", nil},
	{503, "backendError", "Backend Error", "overloaded", "tries again", nil},
}

// wantRefusal checks what became of a refusal.
func wantRefusal(t *testing.T, r refusal, err error) {
	t.Helper()
	storagetest.Refusal{Says: r.says, Try: r.try, Kind: r.kind, Foreign: []string{"googleapi"}}.Check(t, r.reason+", "+r.message, err)
}

// TestRefusals has the service refuse a write and a listing for every cause that is known.
func TestRefusals(t *testing.T) {
	through := newProxy(t, storagetest.FakeGCS(t))
	for _, r := range refusals {
		bucket := openWith(t, through.Options, quick())
		through.Break("upload", 99, storagetest.RefuseGCS(r.status, r.reason, r.message))
		wantRefusal(t, r, put(t.Context(), bucket, "key", 1))
		if n := through.Count("upload"); r.kind != nil && n > 1 {
			t.Errorf("%s: the request was made %d times", r.reason, n)
		}
		through.Break("list", 99, storagetest.RefuseGCS(r.status, r.reason, r.message))
		wantRefusal(t, r, listError(t.Context(), bucket))
	}
}

// TestPermanentFaults meets the faults that stay, with the times that users have.
func TestPermanentFaults(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, test := range map[string]struct {
		options Options
		refusal
	}{
		"unknown CA":              {Options{Endpoint: secure.URL}, refusal{says: "an authority that this host does not know", try: "update-ca", kind: storage.ErrSetup}},
		"http to a port of https": {Options{Endpoint: strings.Replace(secure.URL, "https:", "http:", 1)}, refusal{says: "port speaks TLS", try: "https://", kind: storage.ErrSetup}},
		"https to a port of http": {Options{Endpoint: strings.Replace(plain.URL, "http:", "https:", 1)}, refusal{says: "does not speak TLS", try: "http://", kind: storage.ErrSetup}},
		"nobody listens":          {Options{Endpoint: "http://" + port.Free(t, "127.0.0.1")}, refusal{says: "nobody listens at", try: "port", kind: storage.ErrAway}},
		"bucket missing":          {Options{Endpoint: storagetest.FakeGCS(t).Endpoint}, refusal{says: "there is no bucket", try: "make the bucket", kind: storage.ErrSetup}},
	} {
		test.options.Bucket, test.reason = "no-such-bucket", name
		if strings.HasPrefix(test.options.Endpoint, "https:") {
			test.options.CredentialsFile = keyFile(t, tokenServer(t, http.StatusOK, `{"access_token":"x","token_type":"Bearer","expires_in":3600}`), "PRIVATE KEY")
		}
		begin := time.Now()
		err := listError(t.Context(), openWith(t, test.options, defaults))
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: took %v, want less than 10 s", name, took)
		}
		wantRefusal(t, test.refusal, err)
	}
}

// TestTokens has Google refuse a token.
func TestTokens(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		answer string
		refusal
	}{
		"account gone": {400, `{"error":"invalid_grant","error_description":"Invalid grant: account not found"}`,
			refusal{says: "does not know the service account", try: "new key", kind: storage.ErrKeys}},
		"key gone": {400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`,
			refusal{says: "does not know the service account", try: "new key", kind: storage.ErrKeys}},
		"clock": {400, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}`,
			refusal{says: "clock", try: "timedatectl", kind: storage.ErrSetup}},
		"login expired": {400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`,
			refusal{says: "has expired", try: "gcloud auth", kind: storage.ErrSetup}},
		"client unknown": {401, `{"error":"unauthorized_client","error_description":"Client is unauthorized"}`,
			refusal{says: "does not know the service account", try: "new key", kind: storage.ErrKeys}},
	} {
		// Only an endpoint with https: is sent credentials; the token is asked for before it is.
		options := Options{Bucket: "bucket", Endpoint: "https://127.0.0.1:1", CredentialsFile: keyFile(t, tokenServer(t, test.status, test.answer), "PRIVATE KEY")}
		test.reason = name
		begin := time.Now()
		wantRefusal(t, test.refusal, listError(t.Context(), openWith(t, options, defaults)))
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: took %v, want less than 10 s", name, took)
		}
	}
}

// tokenServer answers every request for a token.
func tokenServer(t *testing.T, status int, answer string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// keyFile writes the key of a service account.
func keyFile(t *testing.T, tokens, block string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "x@y.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCredentials has files of credentials in all the states in which people leave them.
func TestCredentials(t *testing.T) {
	for name, test := range map[string]struct{ content, says, try string }{
		"empty":           {"", "the file is empty", "new key"},
		"byte order mark": {"\xef\xbb\xbf{\"type\":\"service_account\"}", "byte order mark", "sed -i"},
		"for S3":          {"[default]\naws_access_key_id = a\n", "as one for S3 has", "kind s3"},
		"bare key":        {"-----BEGIN PRIVATE KEY-----\n", "bare key", "JSON"},
		"PKCS 12":         {"\x30\x82\x09", "PKCS #12", "JSON"},
		"cut":             {`{"type":"service_acc`, "no JSON, or not all", "new key"},
		"application":     {`{"installed":{"client_id":"x"}}`, "id of an application", "new key"},
		"no type":         {`{}`, "names no type", "new key"},
		"key cut":         {`{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nabc"}`, "was cut", "new key"},
	} {
		file := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Options{Bucket: "b", CredentialsFile: file})
		wantRefusal(t, refusal{reason: name, says: test.says, try: test.try, kind: storage.ErrSetup}, err)
	}
	for path, says := range map[string]string{"/nowhere": "there is no such file", t.TempDir(): "cannot be read", keyFile(t, "x", "ENCRYPTED PRIVATE KEY"): "is encrypted"} {
		_, err := Open(t.Context(), Options{Bucket: "b", CredentialsFile: path})
		wantRefusal(t, refusal{reason: path, says: says, kind: storage.ErrSetup}, err)
	}
	_, err := Open(t.Context(), Options{Bucket: "b", Endpoint: "minio:9000"})
	wantRefusal(t, refusal{reason: "endpoint", says: "is no URL", try: "https://", kind: storage.ErrSetup}, err)
}
