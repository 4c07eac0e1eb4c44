package gcs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/etcdward/etcdward/storage"
)

// status returns the HTTP status of the answer that became an error, 0 if there was
// none.
func status(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

// missing reports whether there is no such object. A bucket that is missing is something else,
// which must not pass for "nothing there".
func missing(err error) bool {
	return errors.Is(err, gcs.ErrObjectNotExist)
}

// explain puts an error of the library into the words of package storage.
func (b *Bucket) explain(verb, key string, err error) error {
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

// cause finds what an error comes from. What nobody knows stays as the service or the library has it.
func (b *Bucket) cause(err error) error {
	var cause *storage.Cause
	var answer *googleapi.Error
	switch {
	case errors.As(err, &cause):
		return cause
	case held(err):
		return fmt.Errorf("%w: %w", storage.ErrLocked, short(err))
	case errors.Is(err, gcs.ErrBucketNotExist):
		return b.told(causes[0], err)
	case errors.As(err, &answer):
		for _, k := range causes {
			if k.fits(answer) {
				return b.told(k, err)
			}
		}
		return short(err)
	}
	for _, recognise := range []func(error) *storage.Cause{b.scheme.Cause, tokenCause, storage.NetworkCause} {
		if cause := recognise(err); cause != nil {
			return cause
		}
	}
	return err
}

// told makes a cause of an error.
func (b *Bucket) told(k known, err error) error {
	return &storage.Cause{Says: strings.ReplaceAll(k.says, "{bucket}", strconv.Quote(b.options.Bucket)), Try: k.try, Kind: k.kind, Err: short(err)}
}

// short leaves of an error what tells the reader something: the service's reason and message.
func short(err error) error {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return err
	}
	text := storage.Printable(answer.Message, 300)
	if len(answer.Errors) > 0 && answer.Errors[0].Reason != "" {
		text = storage.Printable(answer.Errors[0].Reason, 60) + ": " + text
	}
	return &shortError{fmt.Sprintf("%s (HTTP %d)", text, answer.Code), err}
}

// shortError is an error that reads better than the one it wraps.
type shortError struct {
	text string
	err  error
}

func (e *shortError) Error() string { return e.text }
func (e *shortError) Unwrap() error { return e.err }

// held reports whether an object is under a retention policy or a hold. Both are 403, as is
// the want of a right.
func held(err error) bool {
	var answer *googleapi.Error
	if !errors.As(err, &answer) || answer.Code != http.StatusForbidden {
		return false
	}
	for _, item := range answer.Errors {
		if item.Reason == "retentionPolicyNotMet" || item.Reason == "objectUnderActiveHold" {
			return true
		}
	}
	text := strings.ToLower(answer.Message)
	return strings.Contains(text, "retention") || strings.Contains(text, "active hold") ||
		strings.Contains(text, "temporary hold") || strings.Contains(text, "event-based hold")
}

// object returns the handle of an object, of one generation if a version is named. False:
// that version is not of this service.
func (b *Bucket) object(obj storage.Object) (*gcs.ObjectHandle, bool) {
	handle := b.handle.Object(b.name(obj.Key))
	if obj.Version == "" {
		return handle, true
	}
	generation, err := strconv.ParseInt(obj.Version, 10, 64)
	if err != nil || generation <= 0 {
		return nil, false
	}
	return handle.Generation(generation), true
}

// describe turns the attributes of an object into ours.
func describe(key string, a *gcs.ObjectAttrs) storage.Object {
	return storage.Object{Key: key, Version: strconv.FormatInt(a.Generation, 10), Size: a.Size, Tag: strconv.FormatInt(a.Generation, 10), Stored: a.Created.UTC()}
}
