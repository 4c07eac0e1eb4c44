package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
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

// missing says that there is no such object. A bucket that is missing is something
// else: 404 too, which must not pass for "nothing there".
func missing(err error) bool {
	return status(err) == http.StatusNotFound && code(err) != "NoSuchBucket"
}

// wrongKeys are the codes for credentials that are not what they seem.
var wrongKeys = []string{"SignatureDoesNotMatch", "InvalidAccessKeyId"}

// explain puts an error of the SDK into the words of package storage.
func explain(verb, key string, err error) error {
	// The SDK wraps the end of a context in its own way.
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return fmt.Errorf("%s %s: %w", verb, key, err)
		}
	}
	var cause *storage.Cause
	switch {
	case errors.As(err, &cause):
		return fmt.Errorf("%s %s: %w", verb, key, cause)
	case missing(err):
		return fmt.Errorf("%s %s: %w", verb, key, fs.ErrNotExist)
	case slices.Contains(wrongKeys, code(err)):
		return fmt.Errorf("%s %s: %w: %w", verb, key, storage.ErrKeys, short(err))
	case status(err) == http.StatusForbidden, status(err) == http.StatusUnauthorized:
		return fmt.Errorf("%s %s: %w: %w", verb, key, storage.ErrDenied, short(err))
	}
	return fmt.Errorf("%s %s: %w", verb, key, short(err))
}

// short leaves of an error what tells the reader something: the store's code and
// message, and the id by which its support finds the request.
func short(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	text := api.ErrorCode()
	if api.ErrorMessage() != "" {
		text += ": " + api.ErrorMessage()
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		text = fmt.Sprintf("%s (HTTP %d, request %s)", text, response.HTTPStatusCode(), response.ServiceRequestID())
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
