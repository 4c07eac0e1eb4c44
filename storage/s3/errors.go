package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/etcdward/etcdward/storage"
)

// status returns the HTTP status of the answer that became an error, 0 if there was
// none, or if it was not a store's. It is looked at first: the stores agree on it more than on their codes.
func status(err error) int {
	var response *awshttp.ResponseError
	var cause *storage.Cause
	if errors.As(err, &response) && !errors.As(err, &cause) {
		return response.HTTPStatusCode()
	}
	return 0
}

// code returns the store's word for an error, "" if there was none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// message returns the store's sentence on an error, "" if there was none.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

// missing reports whether there is no such object. A bucket that is missing is something
// else: 404 too, which must not pass for "nothing there".
func missing(err error) bool {
	return status(err) == http.StatusNotFound && code(err) != "NoSuchBucket"
}

// explain puts an error of the SDK into the words of package storage.
func (b *Bucket) explain(verb, key string, err error) error {
	// The SDK wraps the end of a context in its own way.
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return fmt.Errorf("%s %s: %w", verb, key, err)
		}
	}
	var cause *storage.Cause
	reading := verb == "open" || verb == "read" // to another request a 404 says nothing about an object
	if !errors.As(err, &cause) && (reading && missing(err) || errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("%s %s: %w", verb, key, fs.ErrNotExist)
	}
	return fmt.Errorf("%s %s: %w", verb, key, b.cause(err))
}

// cause finds what an error comes from. What nobody knows stays as the store or the SDK has it.
func (b *Bucket) cause(err error) error {
	var cause *storage.Cause
	if errors.As(err, &cause) {
		return cause
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return b.otherCause(err)
	}
	for _, k := range causes {
		if k.fits(api.ErrorCode(), api.ErrorMessage(), status(err)) {
			return b.told(k, err)
		}
	}
	return short(err)
}

// told makes a cause of an error.
func (b *Bucket) told(k known, err error) error {
	says, try := k.says, k.try
	if region := regionOf(err); strings.Contains(says, "{region}") && region != "" && region != b.client.Options().Region {
		says, try = "the bucket {bucket} lies in the region "+region+", not in {region}", "set region: "+region
	}
	fill := strings.NewReplacer("{bucket}", strconv.Quote(b.options.Bucket), "{region}", strconv.Quote(b.client.Options().Region),
		"{class}", strconv.Quote(b.options.StorageClass), "{key}", strconv.Quote(b.options.KMSKeyID))
	return &storage.Cause{Says: fill.Replace(says), Try: try, Kind: k.kind, Err: short(err)}
}

// expecting finds the region in the message of a store that was asked in another one.
var expecting = regexp.MustCompile(`expecting '([a-z0-9-]{1,40})'`)

// regionOf is the region that a store names as the bucket's. "": it names none.
func regionOf(err error) string {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return storage.Printable(region, 40)
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if found := expecting.FindStringSubmatch(api.ErrorMessage()); found != nil {
			return found[1]
		}
	}
	return ""
}

// otherCause is that of an error which no store answered with.
func (b *Bucket) otherCause(err error) error {
	if cause := b.scheme.Cause(err); cause != nil {
		return cause
	}
	if cause := credentialsCause(err); cause != nil {
		return cause
	}
	if cause := storage.NetworkCause(err); cause != nil {
		return cause
	}
	var unread *smithy.DeserializationError
	if errors.As(err, &unread) {
		return notS3("a document that breaks off or is none")
	}
	return err
}

// short leaves of an error what tells the reader something: the store's code and
// message, and the id by which its support finds the request.
func short(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	text := storage.Printable(api.ErrorCode(), 80)
	if api.ErrorMessage() != "" && api.ErrorMessage() != api.ErrorCode() {
		text += ": " + storage.Printable(api.ErrorMessage(), 300)
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		text = fmt.Sprintf("%s (HTTP %d", text, response.HTTPStatusCode())
		if id := response.ServiceRequestID(); id != "" {
			text += ", request " + storage.Printable(id, 60)
		}
		text += ")"
	}
	return &shortError{text, err}
}

// shortError is an error that reads better than the one it wraps.
type shortError struct {
	text string
	err  error
}

func (e *shortError) Error() string { return e.text }
func (e *shortError) Unwrap() error { return e.err }

// saysLocked recognises the refusal to delete what is locked by the words of it.
func saysLocked(message string) bool {
	message = strings.ToLower(message)
	for _, word := range []string{"object lock", "worm", "legal hold", "retention"} {
		if strings.Contains(message, word) {
			return true
		}
	}
	return false
}
