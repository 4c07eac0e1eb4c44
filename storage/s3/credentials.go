package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/etcdward/etcdward/storage"
)

// tryFile is how the file of the credentials has to look.
const tryFile = "write it as: [default], then the lines aws_access_key_id = … and aws_secret_access_key = …"

// readCredentials reads the profile that AWS_PROFILE names, else default.
func readCredentials(ctx context.Context, path string) (aws.Credentials, error) {
	profile := os.Getenv("AWS_PROFILE")
	if profile == "" {
		profile = "default"
	}
	credentials, cause := readProfile(ctx, path, profile)
	if cause != nil {
		cause.Kind = storage.ErrSetup
		return aws.Credentials{}, fmt.Errorf("read credentials from %s: %w", path, cause)
	}
	credentials.CanExpire, credentials.Expires = true, time.Now().Add(reread)
	return credentials, nil
}

func readProfile(ctx context.Context, path, profile string) (aws.Credentials, *storage.Cause) {
	content, err := os.ReadFile(path)
	if cause := fileCause(path, content, err); cause != nil {
		return aws.Credentials{}, cause
	}
	shared, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles = []string{path}
		o.ConfigFiles = []string{}
	})
	var absent config.SharedConfigProfileNotExistError
	switch {
	case errors.As(err, &absent):
		return aws.Credentials{}, &storage.Cause{
			Says: fmt.Sprintf("it has no section [%s]", profile),
			Try:  fmt.Sprintf("name the section [%s], or name yours in AWS_PROFILE", profile),
		}
	case err == nil && !shared.Credentials.HasKeys(), err != nil && strings.Contains(err.Error(), "partial credentials"):
		return aws.Credentials{}, &storage.Cause{Says: fmt.Sprintf("profile %q has no aws_access_key_id and aws_secret_access_key", profile), Try: tryFile}
	case err != nil:
		return aws.Credentials{}, &storage.Cause{Says: "it cannot be understood", Try: tryFile, Err: errors.New(storage.Printable(err.Error(), 200))}
	}
	return shared.Credentials, nil
}

// fileCause is what is wrong with a file of credentials as a file. nil: nothing.
func fileCause(path string, content []byte, err error) *storage.Cause {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &storage.Cause{Says: "there is no such file", Try: "write it, or correct credentials_file of the store; a path has to begin with /"} // without err, which could pass for a missing object
	case errors.Is(err, fs.ErrPermission):
		return &storage.Cause{Says: "this user may not read it", Try: "let etcdward setup hand it over, or: chown etcdward: " + path + " && chmod 0400 " + path, Err: err}
	case err != nil:
		return &storage.Cause{Says: "it cannot be read", Try: "give a plain file", Err: err}
	case len(bytes.TrimSpace(content)) == 0:
		return &storage.Cause{Says: "the file is empty", Try: tryFile}
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return &storage.Cause{Says: "the file begins with a byte order mark", Try: `save it as UTF-8 without one: sed -i '1s/^\xEF\xBB\xBF//' ` + path}
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")), bytes.IndexByte(content, 0) >= 0:
		return &storage.Cause{Says: "the file is UTF-16, or no text", Try: "save it as UTF-8"}
	case bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")):
		return &storage.Cause{Says: "the file is JSON", Try: "that is the key of a service account, for a store of kind gcs; for S3, " + tryFile}
	}
	return nil
}

// credentialsCause recognises that the SDK found no credentials, or could not renew them. nil: it is something else.
func credentialsCause(err error) *storage.Cause {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case strings.Contains(text, "IMDS"), strings.Contains(text, "no valid providers in chain"), strings.Contains(text, "static credentials are empty"):
		return &storage.Cause{
			Says: "there are no credentials for the store",
			Try:  "set credentials_file of the store, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in /etc/default/etcdward (or /etc/sysconfig/etcdward), or give the host a role",
			Kind: storage.ErrSetup,
		}
	case strings.Contains(text, "failed to refresh cached credentials"), strings.Contains(text, "get credentials:"):
		return &storage.Cause{
			Says: "the credentials for the store could not be renewed",
			Try:  "check the role, the token file or the SSO login that they come from",
			Kind: storage.ErrSetup, Err: errors.New(storage.Printable(text[strings.LastIndex(text, ", ")+1:], 200)),
		}
	}
	return nil
}
