// Package s3 keeps objects in a bucket of Amazon S3 or of a store that speaks like
// it. It knows the protocol, where the stores differ in it, and nothing of what the
// objects are for.
//
// Its one invariant: every write is create-only at the server, and every deletion is
// of one version. There is no request here that replaces or hides an object.
//
// The tests run against a real server. A fake one is used only for what that cannot
// show: races that end in 409, SlowDown, a 200 with an error in it, stalls and cut
// connections, pages, MFA delete, and object stores that refuse what they do not know.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage"
)

// Options say which bucket, and how to speak to its store.
type Options struct {
	// Bucket is its name. Required.
	Bucket string
	// Prefix is a folder in the bucket that all keys lie in. "": none.
	Prefix string
	// Region of the bucket. "": as the environment says, and us-east-1 where an
	// Endpoint is given and the environment says nothing.
	Region string
	// Endpoint is the URL of the store. "": Amazon's, for the region.
	Endpoint string
	// PathStyle names the bucket in the path of a request, not in its host.
	PathStyle bool
	// Checksums is "auto", the SDK's default, or "when_required" for stores that do not
	// know the checksums that are optional. "": auto.
	Checksums string
	// StorageClass of new objects, "STANDARD_IA" for instance. "": the bucket's.
	StorageClass string
	// KMSKeyID encrypts new objects with that key. "": as the bucket does.
	KMSKeyID string
	// Lock is "governance" or "compliance" to keep each new object from being
	// deleted for LockDays days. "" or "none": as the bucket does.
	Lock     string
	LockDays int
	// CredentialsFile is a file in the format of ~/.aws/credentials, read again every
	// few minutes. "": the default chain of the SDK.
	CredentialsFile string
}

// Bucket is an S3 bucket, or a folder in one, as a storage.Bucket.
//
// Versions are those of the bucket, and "" if it keeps none or its setting cannot be
// read. Of an object that was uploaded in parts, Stored is when its upload began.
type Bucket struct {
	options Options
	client  *s3.Client
	http    *http.Client
	scheme  *storage.Scheme
	// tuning is what tests make smaller.
	tuning

	mu sync.Mutex
	// setting is the bucket's versioning, once it is known.
	setting versioning
	// sweepless is set once a Sweep has said that the store lists no unfinished uploads.
	sweepless bool
}

// tuning is sizes and times that no user needs to set.
type tuning struct {
	// partSize in bytes: what is larger is uploaded in parts of this size, or of a
	// greater one where that would be too many parts.
	partSize int64
	// stall is how long a connection may go without moving a byte.
	stall time.Duration
	// call is how long a request may take that moves no object, with its retries.
	call time.Duration
	// pause is the mean time between two attempts after a conflict; retries of the
	// SDK pause at most 20 times as long.
	pause time.Duration
	// now is the time.
	now func() time.Time
}

var defaults = tuning{
	partSize: 16 << 20,
	stall:    2 * time.Minute,
	call:     5 * time.Minute,
	pause:    time.Second,
	now:      time.Now,
}

var (
	_ storage.Bucket    = (*Bucket)(nil)
	_ storage.Remover   = (*Bucket)(nil)
	_ storage.Historian = (*Bucket)(nil)
	_ storage.Tidier    = (*Bucket)(nil)
	_ storage.Sweeper   = (*Bucket)(nil)
	_ storage.Inspector = (*Bucket)(nil)
)

// Open returns a bucket. It asks the store nothing, so that it succeeds while the store
// is away: its error means that the options are wrong or name files that are not there.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	return openTuned(ctx, o, defaults)
}

func openTuned(ctx context.Context, o Options, t tuning) (*Bucket, error) {
	o.Prefix = strings.Trim(o.Prefix, "/")
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", o.Bucket, err)
	}
	scheme := storage.NewScheme(o.Endpoint)
	client, pool, err := newClient(ctx, o, t, scheme)
	if err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", o.Bucket, err)
	}
	return &Bucket{options: o, client: client, http: pool, scheme: scheme, tuning: t}, nil
}

// Close closes the idle connections.
func (b *Bucket) Close() error {
	b.http.CloseIdleConnections()
	return nil
}

func (o Options) check() error {
	if o.Bucket == "" {
		return fmt.Errorf("no bucket is named")
	}
	if o.Prefix != "" {
		if err := storage.CheckKey(o.Prefix); err != nil {
			return fmt.Errorf("prefix: %w", err)
		}
	}
	if err := storage.CheckEndpoint(o.Endpoint); err != nil {
		return err
	}
	switch o.Checksums {
	case "", "auto", "when_required":
	default:
		return fmt.Errorf("checksums %q: allowed are auto, when_required", o.Checksums)
	}
	switch o.Lock {
	case "", "none":
	case "governance", "compliance":
		if o.LockDays < 1 {
			return fmt.Errorf("lock %s for %d days: it takes one day or more", o.Lock, o.LockDays)
		}
	default:
		return fmt.Errorf("lock %q: allowed are none, governance, compliance", o.Lock)
	}
	return nil
}

// name is what the store calls a key, or a prefix of keys.
func (b *Bucket) name(key string) *string {
	if b.options.Prefix != "" {
		key = b.options.Prefix + "/" + key
	}
	return &key
}

// asked is the prefix to ask a store for, to find what begins with a prefix. It is shorter than that where the last element is "." or
// "..": MinIO refuses those, although "..key" is a key.
func (b *Bucket) asked(prefix string) *string {
	name := *b.name(prefix)
	if last := name[strings.LastIndexByte(name, '/')+1:]; last == "." || last == ".." {
		name = name[:len(name)-len(last)]
	}
	return &name
}

// key is name the other way round. False: that is none of ours.
func (b *Bucket) key(name string) (string, bool) {
	if b.options.Prefix != "" {
		var ok bool
		if name, ok = strings.CutPrefix(name, b.options.Prefix+"/"); !ok {
			return "", false
		}
	}
	return name, storage.CheckKey(name) == nil
}
