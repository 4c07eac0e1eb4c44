package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/etcdward/etcdward/storage"
)

// batch is how many objects one request deletes.
const batch = 1000

// Delete implements storage.Bucket. On a bucket with versions it removes one, and
// leaves no marker.
func (b *Bucket) Delete(ctx context.Context, obj storage.Object) error {
	found, err := b.pin(ctx, obj)
	if err != nil || !found.there {
		return err
	}
	return b.deleteOne(ctx, found.Object)
}

// DeleteAll implements storage.Remover. The objects whose version is named cost one
// request for 1,000; for the others it is looked up first where there are versions.
func (b *Bucket) DeleteAll(ctx context.Context, objects []storage.Object) []error {
	errs := make([]error, len(objects))
	var pinned []storage.Object
	var index []int
	for i, obj := range objects {
		found, err := b.pin(ctx, obj)
		if errs[i] = err; err == nil && found.there {
			pinned, index = append(pinned, found.Object), append(index, i)
		}
	}
	for i, err := range b.deleteMany(ctx, pinned) {
		errs[index[i]] = err
	}
	return errs
}

// pinnedObject is an object with the version that a deletion is to name.
type pinnedObject struct {
	storage.Object
	// there is false if it was found to be none.
	there bool
}

// pin looks up the version of an object, if a deletion without one would only hide the object.
func (b *Bucket) pin(ctx context.Context, obj storage.Object) (pinnedObject, error) {
	if err := storage.CheckKey(obj.Key); err != nil {
		return pinnedObject{}, err
	}
	if obj.Version != "" {
		return pinnedObject{obj, true}, nil
	}
	setting, err := b.versioning(ctx)
	if err != nil {
		return pinnedObject{}, b.explain("delete", obj.Key, err)
	}
	if setting == unversioned {
		return pinnedObject{obj, true}, nil
	}
	out, err := b.headObject(ctx, obj)
	if missing(err) {
		return pinnedObject{}, nil
	} else if err != nil {
		return pinnedObject{}, b.explain("look up the version of", obj.Key, err)
	}
	obj.Version = aws.ToString(out.VersionId)
	if setting == versioned {
		obj.Version = versioned.version(out.VersionId)
	}
	return pinnedObject{obj, true}, nil
}

// deleteOne deletes an object that pin has looked up.
func (b *Bucket) deleteOne(ctx context.Context, obj storage.Object) error {
	call, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	_, err := b.client.DeleteObject(call, &s3.DeleteObjectInput{
		Bucket: &b.options.Bucket, Key: b.name(obj.Key), VersionId: pinned(obj),
	})
	switch {
	case err == nil, missing(err), noVersion(obj, err) && !saysLocked(err.Error()):
		return nil
	}
	return b.refusal(ctx, obj, status(err), err)
}

// deleteMany deletes objects that pin has looked up.
func (b *Bucket) deleteMany(ctx context.Context, objects []storage.Object) []error {
	var errs []error
	for some := range slices.Chunk(objects, batch) {
		errs = append(errs, b.deleteBatch(ctx, some)...)
	}
	return errs
}

func (b *Bucket) deleteBatch(ctx context.Context, objects []storage.Object) []error {
	errs := make([]error, len(objects))
	in := &s3.DeleteObjectsInput{Bucket: &b.options.Bucket, Delete: &types.Delete{Quiet: aws.Bool(true)}}
	index := map[[2]string][]int{}
	for i, obj := range objects {
		id := [2]string{*b.name(obj.Key), obj.Version}
		if index[id] = append(index[id], i); len(index[id]) == 1 {
			in.Delete.Objects = append(in.Delete.Objects, types.ObjectIdentifier{Key: &id[0], VersionId: pinned(obj)})
		}
	}
	call, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	out, err := b.client.DeleteObjects(call, in)
	if err != nil {
		for i, obj := range objects {
			errs[i] = b.explain("delete", obj.Key, err)
			if refused(err) && code(err) != "NoSuchBucket" {
				// Not every store has this request, in this form.
				errs[i] = b.deleteOne(ctx, obj)
			}
		}
		return errs
	}
	for _, fault := range out.Errors {
		id := [2]string{aws.ToString(fault.Key), aws.ToString(fault.VersionId)}
		places, ok := index[id]
		if !ok {
			places = index[[2]string{id[0], ""}]
		}
		for _, i := range places {
			errs[i] = b.fault(ctx, objects[i], fault)
		}
		if len(places) == 0 {
			return fill(errs, fmt.Errorf("delete: %s: %s: %s", id[0], aws.ToString(fault.Code), aws.ToString(fault.Message)))
		}
	}
	return errs
}

// fill returns errs with err wherever there is none: an error that belongs to no object
// casts doubt on all of them.
func fill(errs []error, err error) []error {
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
	return errs
}

// fault turns the error of one object of a batch into ours.
func (b *Bucket) fault(ctx context.Context, obj storage.Object, fault types.Error) error {
	err := &smithy.GenericAPIError{Code: aws.ToString(fault.Code), Message: aws.ToString(fault.Message)}
	switch err.Code {
	case "NoSuchKey", "NoSuchVersion":
		return nil
	case "AccessDenied":
		return b.refusal(ctx, obj, http.StatusForbidden, err)
	case "InvalidRequest":
		return b.refusal(ctx, obj, http.StatusBadRequest, err)
	}
	return b.explain("delete", obj.Key, err)
}

// refusal tells "locked" from "denied", which look the same on some stores. If the message
// does not tell, it looks at the object.
func (b *Bucket) refusal(ctx context.Context, obj storage.Object, status int, err error) error {
	switch status {
	case http.StatusForbidden, http.StatusBadRequest, http.StatusConflict, http.StatusMethodNotAllowed:
	default:
		return b.explain("delete", obj.Key, err)
	}
	locked := saysLocked(err.Error())
	cause := b.cause(err)
	denied := errors.Is(cause, storage.ErrDenied) && !errors.Is(cause, storage.ErrKeys)
	if text := strings.ToLower(err.Error()); !locked && (denied || status != http.StatusForbidden) && !strings.Contains(text, "mfa") && ctx.Err() == nil {
		out, err := b.headObject(ctx, obj)
		locked = err == nil && (out.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn ||
			aws.ToTime(out.ObjectLockRetainUntilDate).After(b.now()))
	}
	switch {
	case locked:
		return fmt.Errorf("delete %s: %w: %w", obj.Key, storage.ErrLocked, short(err))
	case denied:
		return fmt.Errorf("delete %s: %w; it takes the right %s", obj.Key, cause, rightToDelete(obj))
	}
	return b.explain("delete", obj.Key, err)
}

// rightToDelete is the right that a policy has to give. Many stores do not name it.
func rightToDelete(obj storage.Object) string {
	if obj.Version != "" {
		return "s3:DeleteObjectVersion"
	}
	return "s3:DeleteObject"
}
