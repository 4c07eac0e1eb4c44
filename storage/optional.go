package storage

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"time"
)

// Described is a reader that knows what it reads.
type Described interface {
	// Object is what the store said of the bytes when it began to give them. If they hash wrong, and Size and Tag are those of a
	// listing, it is the object that is damaged, and not this reading of it.
	Object() Object
}

// Remover is a Bucket that deletes many objects in one request.
type Remover interface {
	// DeleteAll does what Delete does to each of the objects, and returns one error
	// or nil for each, in their order. What fails for one object spoils no other.
	DeleteAll(ctx context.Context, objects []Object) []error
}

// DeleteAll deletes objects in as few requests as the bucket knows how to, and
// returns one error or nil for each, in their order.
func DeleteAll(ctx context.Context, bucket Bucket, objects []Object) []error {
	if remover, ok := bucket.(Remover); ok {
		return remover.DeleteAll(ctx, objects)
	}
	errs := make([]error, len(objects))
	for i, obj := range objects {
		errs[i] = bucket.Delete(ctx, obj)
	}
	return errs
}

// Historian is a Bucket that may know what it held in the past.
type Historian interface {
	// ListAt yields the objects whose key begins with prefix that were current at a
	// time, by the store's clock, with the versions to open them by, in lexical
	// order of their keys and as List does else. So an object is found again that
	// somebody deleted or overwrote since, as long as the store keeps its version.
	// A bucket without versions yields what of its current objects is as old.
	ListAt(ctx context.Context, prefix string, at time.Time) iter.Seq2[Object, error]
}

// Tidier is a Bucket in which deleted objects live on as versions that cost money.
type Tidier interface {
	// Tidy removes for good what lies below prefix, is hidden by a delete marker,
	// and belongs to a key for which keep returns false: first the versions, then
	// the markers, so that a run that is cut short brings nothing back. It returns
	// how many versions and markers it removed, and goes on past those that are
	// locked.
	//
	// It removes nothing of a key that has a current object, whatever keep
	// returns: an older version may be what an overwrite tried to destroy. For the
	// same reason keep returns true unless the caller itself deleted the key after
	// something newer was proven: a marker that a stranger wrote hides an object
	// which can still be restored, and Tidy would end that.
	Tidy(ctx context.Context, prefix string, keep func(key string) bool) (removed int, err error)
}

// Sweeper is a Bucket in which a Put that is killed leaves something behind, which is
// not visible but takes space.
type Sweeper interface {
	// Sweep removes what Puts below prefix left behind, once it is certain that
	// their writers died, or a day has passed. It returns how many it removed. Given
	// an empty prefix, it takes all unfinished uploads of the bucket for its own,
	// those of strangers too where the bucket is shared and has no prefix.
	Sweep(ctx context.Context, prefix string) (removed int, err error)
}

// Inspector is a Bucket that can tell how it is set up.
type Inspector interface {
	// Inspect asks the store. What the store does not know, or hides from these
	// credentials, is Unknown and no error.
	Inspect(ctx context.Context) (Properties, error)
}

// Properties are the settings of a bucket that decide whether backups are safe in it.
type Properties struct {
	// Versioning keeps what is overwritten or deleted.
	Versioning Property
	// Lock is on if the store can hold objects back from being deleted for a time.
	Lock Property
	// Lifecycle is on if a rule deletes or moves objects by their age.
	Lifecycle Property
	// PublicAccess is on if it is not ruled out that strangers can read.
	PublicAccess Property
}

// Property is one setting.
type Property struct {
	State State
	// Detail is for people, "compliance, 30 days" for instance, or why it is
	// unknown. May be empty.
	Detail string
}

// State of a setting. The zero value is Unknown.
type State string

// The states of a setting.
const (
	Unknown State = ""
	On      State = "on"
	Off     State = "off"
)

// Find looks an object up in a listing. fs.ErrNotExist means that the store listed all that begins with key, and the key was not
// among it: stronger evidence than an Open that found nothing.
func Find(ctx context.Context, bucket Bucket, key string) (Object, error) {
	for obj, err := range bucket.List(ctx, key) {
		if err != nil {
			return Object{}, err
		}
		if obj.Key == key {
			return obj, nil
		}
		break // it would have come first
	}
	return Object{}, fmt.Errorf("find %s: %w", key, fs.ErrNotExist)
}
