package s3

import (
	"strings"

	"github.com/etcdward/etcdward/storage"
)

// known is one cause of a refusal, as stores name it.
type known struct {
	// codes are the stores' words for it. Without, every code of the status counts.
	codes []string
	// words are parts of the message of which one has to be there, in lower case. nil: the code is enough.
	words []string
	// says and try are those of a storage.Cause. {bucket}, {region}, {class} and {key} stand for the options.
	says, try string
	kind      error
	// status is looked at if there are no codes.
	status int
}

const (
	tryRights = "give these credentials the rights of a policy in /usr/share/etcdward/iam; to prune takes those of a pruner"
	tryKeys   = "the access key, or its secret, is wrong: put the right ones into the store's credentials"
	tryClock  = "set this host's clock, and let it be kept right: timedatectl set-ntp true"
	tryLater  = "nothing need be done if it passes: etcdward tries again"
)

// causes are looked through from the first to the last. What several codes have in common is told apart by words of the message.
var causes = []known{
	// The bucket and its place.
	{codes: []string{"NoSuchBucket"}, says: "there is no bucket {bucket}", kind: storage.ErrSetup,
		try: "make the bucket, or check the names of bucket, region and endpoint of the store"},
	{codes: []string{"InvalidBucketName", "XMinioInvalidBucketName"}, says: "the store takes {bucket} for no name of a bucket", kind: storage.ErrSetup,
		try: "check the name of the bucket: lower case letters, digits and hyphens, and no path"},
	{codes: []string{"AllAccessDisabled"}, says: "the store has closed the bucket {bucket} to everybody", kind: storage.ErrSetup,
		try: "check the name of the bucket; if it is right, ask the provider why it is closed"},
	{codes: []string{"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion", "IncorrectEndpoint", "MovedPermanently", "Redirect"},
		says: "the bucket {bucket} lies in another region than {region}", kind: storage.ErrSetup,
		try: "set region to that of the bucket, and endpoint to one of that region or to \"\""},
	// Who asks.
	{codes: []string{"SignatureDoesNotMatch"}, says: storage.ErrKeys.Error(), kind: storage.ErrKeys,
		try: "check the secret access key; if it is right, something on the way changes the requests (a proxy), or the store wants another region or path_style: true"},
	{codes: []string{"InvalidAccessKeyId", "InvalidClientTokenId", "AuthFailure"}, says: storage.ErrKeys.Error(), kind: storage.ErrKeys, try: tryKeys},
	{codes: []string{"MissingAuthenticationToken", "MissingSecurityHeader", "CredentialsNotSupported"}, says: "the store got no credentials", kind: storage.ErrKeys,
		try: "set credentials_file of the store, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
	{codes: []string{"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}, says: "the session token of the credentials has expired", kind: storage.ErrSetup,
		try: "renew it in the credentials, or use an access key that does not expire; a role of the host renews itself, if the clock is right"},
	{codes: []string{"InvalidToken", "InvalidSecurity", "UnrecognizedClientException"}, says: "the session token of the credentials is not valid", kind: storage.ErrSetup,
		try: "renew aws_session_token, or remove it if the access key needs none"},
	{codes: []string{"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}, says: "this host's clock and the store's are too far apart", kind: storage.ErrSetup, try: tryClock},
	{codes: []string{"AccessDenied"}, words: []string{"request has expired", "signature expired", "not yet current"}, says: "this host's clock and the store's are too far apart", kind: storage.ErrSetup, try: tryClock},
	{codes: []string{"InvalidRequest"}, words: []string{"authorization mechanism"}, says: "the store wants another kind of signature", kind: storage.ErrSetup,
		try: "update the store: etcdward signs with version 4"},
	// Who pays.
	{codes: []string{"AccountProblem", "UserSuspended", "AccountSuspended", "PaymentRequired", "BillingDisabled"}, says: "the provider has closed the account of the bucket", kind: storage.ErrSetup,
		try: "ask the provider: an invoice may be open"},
	{codes: []string{"NotSignedUp", "OptInRequired", "SubscriptionRequiredException"}, says: "the account is not signed up for this store", kind: storage.ErrSetup,
		try: "sign the account up for object storage with the provider"},
	{codes: []string{"RequestPaymentRequired"}, says: "the bucket lets whoever asks pay, which etcdward does not do", kind: storage.ErrSetup,
		try: "switch \"requester pays\" off for the bucket"},
	// Space.
	{codes: []string{"QuotaExceeded", "StorageQuotaExceeded", "XMinioAdminBucketQuotaExceeded", "BucketQuotaExceeded", "TooManyBytes", "ServiceQuotaExceeded"}, says: "the quota of the store is used up",
		try: "raise the quota, or keep less: see retention, and etcdward prune"},
	{codes: []string{"XMinioStorageFull", "InsufficientStorage", "InsufficientCapacity", "DiskFull", "NoSpaceLeft"}, says: "the store is full",
		try: "make room in the store, or keep less: see retention, and etcdward prune"},
	{codes: []string{"EntityTooLarge"}, says: "the object is larger than the store takes", kind: storage.ErrSetup,
		try: "raise the limit of the store, or of the proxy before it"},
	// Archives, encryption, classes.
	{codes: []string{"InvalidObjectState"}, says: "the object lies in an archive, from which it has to be thawed first", kind: storage.ErrSetup,
		try: "thaw it (aws s3api restore-object), and let no lifecycle rule move backups to such a class"},
	{codes: []string{"InvalidStorageClass"}, says: "the store does not know the storage class {class}", kind: storage.ErrSetup,
		try: "set storage_class to one of the store's, or to \"\""},
	{codes: []string{"KMS.NotFoundException", "KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.InvalidStateException", "KMSKeyNotFoundException", "KMSNotConfigured", "XMinioKMSKeyNotFound", "KMS.InvalidKeyUsageException"},
		says: "the key {key} with which the store encrypts is disabled, deleted, or not there", kind: storage.ErrSetup,
		try: "enable the key, or set kms_key_id to one that is there"},
	{codes: []string{"AccessDenied", "KMS.AccessDeniedException", "AccessDeniedException"}, words: []string{"kms:"}, says: "these credentials may not use the key with which the store encrypts", kind: storage.ErrDenied,
		try: "give them kms:GenerateDataKey and kms:Decrypt for that key"},
	{codes: []string{"InvalidEncryptionAlgorithmError", "InvalidEncryptionMethod", "ServerSideEncryptionNotConfigured"}, says: "the store does not encrypt with keys", kind: storage.ErrSetup,
		try: "set kms_key_id to \"\"; etcdward itself encrypts to snapshot.recipients"},
	// Locks.
	{codes: []string{"InvalidRequest", "InvalidBucketState", "ObjectLockConfigurationNotFoundError", "InvalidBucketObjectLockConfiguration", "InvalidArgument", "MissingObjectLockConfiguration"},
		words: []string{"missing object lock", "missing objectlock", "objectlockconfiguration", "object lock configuration", "object lock is not enabled", "object lock not enabled", "without object lock"},
		says:  "the bucket {bucket} was made without object lock", kind: storage.ErrSetup,
		try: "make a bucket with object lock and move there, or set lock: none"},
	{codes: []string{"InvalidRequest", "MissingContentMD5", "InvalidArgument"}, words: []string{"content-md5"}, says: "the store demands an MD5 of objects that it locks", kind: storage.ErrSetup,
		try: "update the store: it takes no SHA-256 in its place; or set lock: none and let the bucket lock by default"},
	{codes: []string{"InvalidRetentionPeriod"}, says: "the store does not lock objects for so long", kind: storage.ErrSetup, try: "lower lock_days, or raise the limit of the store"},
	// Checksums.
	{codes: []string{"XAmzContentSHA256Mismatch", "NotImplemented", "InvalidRequest", "InvalidArgument", "MissingContentLength", "UnsupportedArgument", "InvalidHeader"},
		words: []string{"checksum", "aws-chunked", "streaming-unsigned", "x-amz-trailer", "x-amz-sdk", "content-length", "transfer-encoding", "contentsha256", "x-amz-content-sha256"},
		says:  "the store refuses the checksums that are optional", kind: storage.ErrSetup, try: "set checksums: when_required"},
	{codes: []string{"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "ContentSHA256Mismatch"}, says: "bytes were changed on the way to the store",
		try: "repeat it; if it stays, set checksums: when_required, and look for faults of memory or network"},
	// Load and time.
	{codes: []string{"SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "TooManyRequests", "Throttling", "ThrottlingException", "RequestLimitExceeded", "BandwidthLimitExceeded", "Busy"},
		says: "the store is overloaded, or limits this account", try: tryLater},
	{codes: []string{"RequestTimeout", "IncompleteBody"}, says: "the bytes came too slowly for the store, or broke off", try: "check the line to the store, and proxies on the way"},
	{codes: []string{"InternalError", "InternalFailure"}, says: "the store failed", try: "look at the store's own log; " + tryLater},
	{codes: []string{"XMinioServerNotInitialized", "ServerNotInitialized"}, says: "the store is still starting", try: tryLater},
	{codes: []string{"OperationAborted", "ConditionalRequestConflict"}, says: "another write of the same object is under way", try: tryLater},
	{codes: []string{"KeyTooLongError", "KeyTooLong"}, says: "the store does not take keys of this length", kind: storage.ErrSetup, try: "shorten prefix or cluster.name"},
	// Rights, after what else is called so.
	{codes: []string{"AccessDenied", "Forbidden", "AccessForbidden", "AccessDeniedException", "UnauthorizedAccess", "Unauthorized", "XMinioAdminNotAllowed"}, says: storage.ErrDenied.Error(), kind: storage.ErrDenied, try: tryRights},
	// What only the status tells.
	{status: 301, says: "the bucket {bucket} lies in another region than {region}", kind: storage.ErrSetup, try: "set region to that of the bucket"},
	{status: 307, says: "the bucket {bucket} is being moved, or was made just now", try: tryLater},
	{status: 401, says: storage.ErrKeys.Error(), kind: storage.ErrKeys, try: tryKeys},
	{status: 402, says: "the provider has closed the account of the bucket", kind: storage.ErrSetup, try: "ask the provider: an invoice may be open"},
	{status: 403, says: storage.ErrDenied.Error(), kind: storage.ErrDenied, try: tryRights},
	{status: 404, says: "the store does not know what was asked for", try: "check bucket, endpoint and path_style of the store"},
	{status: 405, says: "the store does not allow this request", try: "check that bucket, endpoint and path_style name an S3 server, and not a page or a gateway for reading"},
	{status: 411, says: "the store refuses the checksums that are optional", kind: storage.ErrSetup, try: "set checksums: when_required"},
	{status: 413, says: "the object is larger than the store takes", kind: storage.ErrSetup, try: "raise the limit of the store, or of the proxy before it"},
	{status: 429, says: "the store is overloaded, or limits this account", try: tryLater},
	{status: 500, says: "the store failed", try: "look at the store's own log; " + tryLater},
	{status: 501, says: "the store does not know this request", try: "use a store that does, or update it; if it refuses every write, set checksums: when_required"},
	{status: 502, says: "what stands before the store does not reach it", try: "check the proxy or load balancer, and that the store runs"},
	{status: 503, says: "the store is overloaded, or limits this account", try: tryLater},
	{status: 504, says: "what stands before the store does not reach it", try: "check the proxy or load balancer, and that the store runs"},
	{status: 507, says: "the store is full", try: "make room in the store, or keep less: see retention, and etcdward prune"},
}

// fits reports whether an error is this cause.
func (k known) fits(code, message string, status int) bool {
	if k.codes == nil {
		return k.status == status
	}
	named := false
	for _, name := range k.codes {
		named = named || strings.EqualFold(name, code)
	}
	if !named || k.words == nil {
		return named
	}
	message = strings.ToLower(message)
	for _, word := range k.words {
		if strings.Contains(message, word) {
			return true
		}
	}
	return false
}
