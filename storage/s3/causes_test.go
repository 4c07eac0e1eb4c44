package s3

import (
	"net/http"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// refusal is an answer of a store as it was seen, and what a person is to read of it.
type refusal struct {
	status        int
	code, message string
	says, try     string
	kind          error
}

// refusals are as AWS, MinIO, Ceph, R2, B2, GCS and gateways word them.
var refusals = []refusal{
	{404, "NoSuchBucket", "The specified bucket does not exist", `there is no bucket "bucket"`, "names of bucket, region and endpoint", storage.ErrSetup},
	{400, "InvalidBucketName", "The specified bucket is not valid.", "for no name of a bucket", "lower case", storage.ErrSetup},
	{403, "AllAccessDisabled", "All access to this object has been disabled", "closed the bucket", "check the name of the bucket", storage.ErrSetup},
	{301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.", "in another region", "set region", storage.ErrSetup},
	{400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "lies in the region eu-west-1", "set region: eu-west-1", storage.ErrSetup},
	{400, "IllegalLocationConstraintException", "The eu-central-1 location constraint is incompatible", "in another region", "set region", storage.ErrSetup},
	{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", "the secret is another one", "path_style", storage.ErrKeys},
	{403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "does not know the key", "access key", storage.ErrKeys},
	{403, "MissingAuthenticationToken", "Request is missing Authentication Token", "got no credentials", "credentials_file", storage.ErrKeys},
	{400, "ExpiredToken", "The provided token has expired.", "has expired", "renew it", storage.ErrSetup},
	{403, "ExpiredToken", "The security token included in the request is expired", "has expired", "renew it", storage.ErrSetup},
	{400, "InvalidToken", "The provided token is malformed or otherwise invalid.", "is not valid", "aws_session_token", storage.ErrSetup},
	{403, "InvalidSecurity", "The provided security credentials are not valid.", "is not valid", "aws_session_token", storage.ErrSetup},
	{403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "clock", "timedatectl", storage.ErrSetup},
	{403, "AccessDenied", "Request has expired", "clock", "timedatectl", storage.ErrSetup},
	{400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", "another kind of signature", "update the store", storage.ErrSetup},
	{403, "AccountProblem", "There is a problem with your account that prevents the operation.", "closed the account", "invoice", storage.ErrSetup},
	{403, "UserSuspended", "", "closed the account", "invoice", storage.ErrSetup},
	{402, "Whatever", "pay", "closed the account", "invoice", storage.ErrSetup},
	{403, "NotSignedUp", "Your account is not signed up for the Amazon S3 service.", "not signed up", "sign the account up", storage.ErrSetup},
	{403, "QuotaExceeded", "Quota exceeded", "quota of the store is used up", "raise the quota", nil},
	{403, "StorageQuotaExceeded", "You have exceeded your storage quota", "quota of the store is used up", "raise the quota", nil},
	{400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded", "quota of the store is used up", "raise the quota", nil},
	{507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold.", "the store is full", "make room", nil},
	{507, "Odd", "odd", "the store is full", "make room", nil},
	{400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "larger than the store takes", "raise the limit", storage.ErrSetup},
	{403, "InvalidObjectState", "The operation is not valid for the object's storage class", "lies in an archive", "restore-object", storage.ErrSetup},
	{400, "InvalidStorageClass", "The storage class you specified is not valid", "storage class", "storage_class", storage.ErrSetup},
	{400, "KMS.NotFoundException", "Key 'arn:aws:kms:x' does not exist", "disabled, deleted, or not there", "kms_key_id", storage.ErrSetup},
	{400, "KMS.DisabledException", "arn:aws:kms:x is disabled.", "disabled, deleted, or not there", "kms_key_id", storage.ErrSetup},
	{403, "AccessDenied", "User: x is not authorized to perform: kms:GenerateDataKey on resource: y", "may not use the key", "kms:GenerateDataKey", storage.ErrDenied},
	{400, "InvalidRequest", "Bucket is missing Object Lock Configuration", "without object lock", "lock: none", storage.ErrSetup},
	{400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration", "without object lock", "lock: none", storage.ErrSetup},
	{400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters", "demands an MD5", "lock: none", storage.ErrSetup},
	{400, "InvalidRetentionPeriod", "the retention period is too long", "not lock objects for so long", "lock_days", storage.ErrSetup},
	{501, "NotImplemented", "A header you provided implies functionality that is not implemented: x-amz-checksum-crc32", "refuses the checksums", "checksums: when_required", storage.ErrSetup},
	{501, "NotImplemented", "STREAMING-UNSIGNED-PAYLOAD-TRAILER is not supported", "refuses the checksums", "checksums: when_required", storage.ErrSetup},
	{400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", "refuses the checksums", "checksums: when_required", storage.ErrSetup},
	{411, "MissingContentLength", "You must provide the Content-Length HTTP header.", "refuses the checksums", "checksums: when_required", storage.ErrSetup},
	{400, "BadDigest", "The Content-MD5 you specified did not match what we received.", "changed on the way", "faults of memory", nil},
	{503, "SlowDown", "Please reduce your request rate.", "overloaded", "tries again", nil},
	{429, "TooManyRequests", "slow", "overloaded", "tries again", nil},
	{400, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period.", "too slowly", "check the line", nil},
	{500, "InternalError", "We encountered an internal error. Please try again.", "the store failed", "own log", nil},
	{503, "XMinioServerNotInitialized", "Server not initialized yet, please try again.", "still starting", "tries again", nil},
	{400, "KeyTooLongError", "Your key is too long", "keys of this length", "shorten prefix", storage.ErrSetup},
	{403, "AccessDenied", "Access Denied", "access denied by the store", "/usr/share/etcdward/iam", storage.ErrDenied},
	{403, "Forbidden", "Forbidden", "access denied by the store", "/usr/share/etcdward/iam", storage.ErrDenied},
	{401, "Unauthorized", "no", "access denied by the store", "/usr/share/etcdward/iam", storage.ErrDenied},
	{405, "MethodNotAllowed", "The specified method is not allowed against this resource.", "does not allow this request", "path_style", nil},
	{501, "NotImplemented", "no", "does not know this request", "update it", nil},
}

// wantRefusal checks what became of a refusal.
func wantRefusal(t *testing.T, r refusal, err error) {
	t.Helper()
	storagetest.Refusal{Says: r.says, Try: r.try, Kind: r.kind, Foreign: []string{"operation error", "api error"}}.Check(t, r.code+", "+r.message, err)
}

// TestRefusals has a store refuse a write, a listing and a deletion for every cause that is known.
func TestRefusals(t *testing.T) {
	through, _ := newMemory(t)
	for _, r := range refusals {
		for operation, do := range map[string]func(*Bucket) error{
			"PUT object":    func(b *Bucket) error { return put("key", 1)(t.Context(), b) },
			"ListObjectsV2": func(b *Bucket) error { return lastError(b.List(t.Context(), "")) },
			"DELETE object": func(b *Bucket) error { return b.Delete(t.Context(), storage.Object{Key: "key"}) },
		} {
			if operation == "DELETE object" && strings.Contains(r.try, "lock") && r.try != "timedatectl" {
				continue // to delete, these words mean that the object is locked
			}
			through.Break(operation, 99, storagetest.RefuseS3(r.status, r.code, r.message))
			wantRefusal(t, r, do(openWith(t, through.Options, quick())))
			if n := through.Count(operation); r.kind != nil && n > 1 && r.try != "timedatectl" {
				t.Errorf("%s, %s: the request was made %d times", r.code, operation, n)
			}
		}
	}
}

// TestRefusalsByHead has the refusals that come without a word: the status and a header tell.
func TestRefusalsByHead(t *testing.T) {
	through, _ := newMemory(t)
	bucket := openWith(t, through.Options, quick())
	storagetest.Put(t, bucket, "key", []byte("x"))
	through.Break("HEAD object", 99, func(_ *storagetest.Front, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		w.WriteHeader(http.StatusMovedPermanently)
	})
	wantRefusal(t, refusal{code: "301", says: `the bucket "bucket" lies in the region eu-west-1, not in "us-east-1"`, try: "set region: eu-west-1", kind: storage.ErrSetup},
		put("key", 1)(t.Context(), bucket))
	through.Break("HEAD object", 99, storagetest.Nothing(403))
	wantRefusal(t, refusal{code: "403", says: "access denied by the store", try: "/usr/share/etcdward/iam", kind: storage.ErrDenied}, put("key", 1)(t.Context(), bucket))
}

// TestServersWords keeps what a server says off the terminal, as far as it is more than words.
func TestServersWords(t *testing.T) {
	through, _ := newMemory(t)
	through.Break("PUT object", 99, storagetest.RefuseS3(400, "Odd&#x9;Code", "line one&#xA;line two &#x9B;31m &#x202E;"+strings.Repeat("long ", 200)))
	err := put("key", 1)(t.Context(), openWith(t, through.Options, quick()))
	if err == nil || strings.ContainsAny(err.Error(), "\n\t\u009b\u202e") || len(err.Error()) > 500 {
		t.Errorf("got error %q", err)
	}
}

// TestRealRefusals has real servers refuse.
func TestRealRefusals(t *testing.T) {
	for name, start := range map[string]func(*testing.T) storagetest.Server{"versitygw": storagetest.VersityGW, "minio": storagetest.MinIO} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			good := newBucket(t, server, plain)
			wrongKey, wrongSecret := server, server
			wrongKey.AccessKey, wrongSecret.SecretKey = "unknown", "wrong-secret"
			for what, test := range map[string]struct {
				options Options
				refusal
			}{
				"key":    {newCredentials(t, wrongKey), refusal{says: "does not know the key", try: "access key", kind: storage.ErrKeys}},
				"secret": {newCredentials(t, wrongSecret), refusal{says: "the secret is another one", try: "secret access key", kind: storage.ErrKeys}},
				"bucket": {good, refusal{says: `there is no bucket "no-such-bucket"`, try: "make the bucket", kind: storage.ErrSetup}},
				"lock":   {good, refusal{says: "made without object lock", try: "lock: none", kind: storage.ErrSetup}},
				"region": {good, refusal{says: "region", try: "region", kind: storage.ErrSetup}},
			} {
				test.options.Bucket, test.code = good.Bucket, what
				switch what {
				case "bucket":
					test.options.Bucket = "no-such-bucket"
				case "lock":
					test.options.Lock, test.options.LockDays = "governance", 1
				case "region":
					if test.options.Region = "eu-west-1"; name == "minio" {
						continue // every region is as good as its own
					}
				}
				wantRefusal(t, test.refusal, put("key", 1)(t.Context(), openWith(t, test.options, quick())))
			}
		})
	}
}
