package gcs

import (
	"strings"

	"google.golang.org/api/googleapi"

	"github.com/etcdward/etcdward/storage"
)

// known is one cause of a refusal, as the service names it.
type known struct {
	// reasons are the service's words for it, words parts of its message, in lower case. One of either has to be there; without both,
	// the status is enough.
	reasons, words []string
	// status is that of the answer. 0: any.
	status int
	// says and try are those of a storage.Cause. {bucket} stands for the bucket's name.
	says, try string
	kind      error
}

const (
	tryRights = "give this account the rights of a policy in /usr/share/etcdward/iam; to prune takes those of a pruner"
	tryLater  = "nothing need be done if it passes: etcdward tries again"
	tryFile   = "make a new key of the service account in JSON, and put it there"
)

// causes are looked through from the first to the last: many are 403 and "forbidden".
var causes = []known{
	{status: 404, words: []string{"bucket does not exist"}, says: "there is no bucket {bucket}", kind: storage.ErrSetup,
		try: "make the bucket, or check its name in the configuration of the store"},
	{words: []string{"invalid bucket name", "bucket name"}, status: 400, says: "the store takes {bucket} for no name of a bucket", kind: storage.ErrSetup,
		try: "check the name of the bucket: lower case letters, digits, hyphens, underscores and dots"},
	{reasons: []string{"accountDisabled", "userProjectAccountProblem", "billingNotEnabled", "BILLING_DISABLED"}, words: []string{"billing account", "billing is disabled"},
		says: "the account of the bucket's project is closed, or bills nobody", kind: storage.ErrSetup, try: "look at the project's billing in Google's console"},
	{reasons: []string{"accessNotConfigured", "SERVICE_DISABLED"}, says: "the project has not switched Cloud Storage on", kind: storage.ErrSetup,
		try: "gcloud services enable storage.googleapis.com"},
	{reasons: []string{"userProjectMissing"}, words: []string{"requester pays"}, says: "the bucket lets whoever asks pay, which etcdward does not do", kind: storage.ErrSetup,
		try: "switch \"requester pays\" off for the bucket"},
	{reasons: []string{"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}, words: []string{"insufficient authentication scopes", "insufficient permission"},
		says: "this machine's tokens are not for writing to storage", kind: storage.ErrSetup,
		try: "give the machine the scope storage-rw or cloud-platform, or the store a credentials_file"},
	{reasons: []string{"vpcServiceControls", "SECURITY_POLICY_VIOLATED"}, words: []string{"organization's policy", "organization policy", "vpcservicecontrols"},
		says: "a policy of the organization forbids it", kind: storage.ErrDenied, try: "let whoever keeps the organization's policies allow this host"},
	{reasons: []string{"rateLimitExceeded", "userRateLimitExceeded"}, says: "the store is overloaded, or limits this account", try: tryLater},
	{reasons: []string{"quotaExceeded", "dailyLimitExceeded", "storageQuotaExceeded"}, words: []string{"quota exceeded", "exceeded your quota"},
		says: "the quota of the store is used up", try: "raise the quota, or keep less: see retention, and etcdward prune"},
	{reasons: []string{"kmsKeyDisabled", "cloudKmsKeyDisabled", "cloudKmsKeyNotFound"}, words: []string{"cloud kms", "cloudkms", "kms key"},
		says: "the key with which the bucket encrypts is disabled, not there, or not for its service agent", kind: storage.ErrSetup,
		try: "enable the key, and let the project's storage service agent encrypt and decrypt with it"},
	{reasons: []string{"authError", "invalidCredentials"}, status: 401, says: storage.ErrKeys.Error(), kind: storage.ErrKeys,
		try: "check credentials_file of the store; its key may have been deleted"},
	{words: []string{"anonymous caller"}, says: "the store got no credentials", kind: storage.ErrKeys, try: "set credentials_file of the store"},
	{reasons: []string{"uploadTooLarge", "payloadTooLarge"}, says: "the object is larger than the store takes", kind: storage.ErrSetup, try: "raise the limit of the proxy before the store"},
	{status: 401, says: storage.ErrKeys.Error(), kind: storage.ErrKeys, try: "check credentials_file of the store; its key may have been deleted"},
	{status: 403, says: storage.ErrDenied.Error(), kind: storage.ErrDenied, try: tryRights},
	{status: 413, says: "the object is larger than the store takes", kind: storage.ErrSetup, try: "raise the limit of the proxy before the store"},
	{status: 429, says: "the store is overloaded, or limits this account", try: tryLater},
	{status: 500, says: "the store failed", try: tryLater},
	{status: 501, says: "the store does not know this request", try: "check the endpoint: \"\" is Google's own"},
	{status: 502, says: "the store failed", try: tryLater},
	{status: 503, says: "the store is overloaded, or limits this account", try: tryLater},
	{status: 504, says: "the store failed", try: tryLater},
}

// fits reports whether an answer is this cause.
func (k known) fits(answer *googleapi.Error) bool {
	if k.status != 0 && k.status != answer.Code {
		return false
	}
	if k.reasons == nil && k.words == nil {
		return true
	}
	for _, item := range answer.Errors {
		for _, reason := range k.reasons {
			if strings.EqualFold(item.Reason, reason) {
				return true
			}
		}
	}
	message := strings.ToLower(answer.Message + " " + answer.Body)
	for _, word := range k.words {
		if strings.Contains(message, word) {
			return true
		}
	}
	return false
}

// tokenCause recognises that no token was to be had for the credentials. nil: it is something else.
func tokenCause(err error) *storage.Cause {
	text := ""
	if err != nil {
		text = err.Error()
	}
	low := strings.ToLower(text)
	switch {
	case strings.Contains(low, "could not find default credentials"):
		return &storage.Cause{Says: "there are no credentials for the store", Kind: storage.ErrSetup,
			Try: "set credentials_file of the store to the key of a service account, or run on a machine that has one"}
	case strings.Contains(low, "reasonable timeframe"), strings.Contains(low, "token used too early"), strings.Contains(low, "invalid_grant") && strings.Contains(low, "iat"):
		return &storage.Cause{Says: "this host's clock and Google's are too far apart", Kind: storage.ErrSetup,
			Try: "set this host's clock, and let it be kept right: timedatectl set-ntp true"}
	case strings.Contains(low, "invalid_grant") && strings.Contains(low, "expired"):
		return &storage.Cause{Says: "the login that the credentials come from has expired", Kind: storage.ErrSetup,
			Try: "use the key of a service account, or log in again: gcloud auth application-default login"}
	case strings.Contains(low, "invalid_grant"), strings.Contains(low, "unauthorized_client"), strings.Contains(low, "invalid_client"), strings.Contains(low, "cannot fetch token: 4"):
		return &storage.Cause{Says: "Google does not know the service account of the credentials, or its key", Kind: storage.ErrKeys,
			Try: tryFile}
	}
	return nil
}
