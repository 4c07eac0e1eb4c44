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

// missing says that there is no such object. A bucket that is missing is something else,
// which must not pass for "nothing there".
func missing(err error) bool {
	return errors.Is(err, gcs.ErrObjectNotExist)
}

// explain puts an error of the library into the words of package storage.
func explain(verb, key string, err error) error {
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
	case held(err):
		return fmt.Errorf("%s %s: %w: %w", verb, key, storage.ErrLocked, err)
	case status(err) == http.StatusForbidden, status(err) == http.StatusUnauthorized:
		return fmt.Errorf("%s %s: %w: %w", verb, key, storage.ErrDenied, err)
	}
	return fmt.Errorf("%s %s: %w", verb, key, err)
}

// held says that an object is under a retention policy or a hold. Both are 403, as is
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
