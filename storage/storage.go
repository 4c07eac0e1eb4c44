// Package storage says what the rest of etcdward may expect of the place where
// bytes are kept. It knows keys and bytes, and nothing of etcd or snapshots.
//
// Its one invariant: an object, once visible under a key, is complete and
// never changes. There is no overwrite.
//
// The providers live below this folder, one package each, and every one of them
// passes the suite in storagetest.
package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Upload is one object to be written.
type Upload struct {
	// Key is where it goes, relative to the bucket's prefix: one that CheckKey
	// accepts, and no folder of another key nor below one. Where "a" is an object,
	// "a/b" cannot be: a file system could not hold both.
	Key string
	// Body holds exactly Size bytes. A provider may read it several times, and
	// several parts of it at once.
	Body io.ReaderAt
	// Size in bytes.
	Size int64
	// SHA256 of the Size bytes. A provider refuses a body that does not match,
	// and uses it to recognise an object that it has stored before.
	SHA256 [sha256.Size]byte
}

// Object is one stored object.
type Object struct {
	Key string
	// Version pins these very bytes where the provider keeps versions; else "".
	Version string
	// Size in bytes.
	Size int64
	// Tag is the store's own mark of these very bytes: an ETag, a generation, a file's number and time. Two objects of one key
	// with the same Tag hold the same bytes. "" in an object that neither a listing nor a Put gave.
	Tag string
	// Stored is when the object became visible, by the store's clock, in UTC.
	Stored time.Time
}

// Bucket is a place that keeps objects.
//
// Durability: when Put returns without error the object survives the loss of
// power. Visibility: from then on Open and List of every client show it. Atomic:
// a Put that fails, or is killed, leaves nothing visible under the key; or the
// whole object, if only the reply was lost.
//
// Every method obeys its context, is safe for concurrent use, and names the
// key in its error. An error wrapping ErrDenied means that the credentials lack the
// right; one wrapping ErrLocked, that the object may not be deleted yet; one wrapping ErrSetup,
// that a person has to change something first. Other errors are worth another try later.
// Nothing but what the protocol of the store promises is taken for a yes, or for "there is none".
type Bucket interface {
	// Put writes an object that does not exist. It returns fs.ErrExist when the
	// key holds other bytes. When it holds the very bytes of the upload, a lost
	// reply to an earlier try for instance, it returns that object and no error.
	Put(ctx context.Context, up Upload) (Object, error)
	// Open reads an object from its beginning: the version obj.Version if set, else
	// the current one. fs.ErrNotExist: there is none. The reader fails rather than
	// end early, obeys the context of Open, and is the caller's to close. If obj comes from a listing and the store gives
	// another number of bytes, the error wraps ErrContradicted: that is no evidence of damage. The reader may be Described.
	Open(ctx context.Context, obj Object) (io.ReadCloser, error)
	// List yields the current objects whose key begins with prefix, in lexical
	// order of their keys. It ends at the first error, which it yields with a zero
	// Object. A prefix without objects yields nothing.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes the object for good: the version obj.Version if set, else
	// whatever is current. It succeeds when there is nothing to remove.
	Delete(ctx context.Context, obj Object) error
}

// ErrDenied means that the store refused the operation to these credentials. Another try
// does not help. Another policy does.
var ErrDenied = errors.New("access denied by the store")

// ErrKeys is an ErrDenied caused by invalid credentials, not by a missing permission.
var ErrKeys = fmt.Errorf("%w: it does not know the key, or the secret is another one", ErrDenied)

// ErrLocked means that the store holds the object under a retention lock or a legal
// hold. It can be deleted once that has ended.
var ErrLocked = errors.New("locked by the store")
