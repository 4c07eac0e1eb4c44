// Package gcs keeps objects in a bucket of Google Cloud Storage. It knows the service,
// and nothing of what the objects are for.
//
// Its one invariant: every write demands that the object does not exist, and every
// deletion names a generation. There is no request here that replaces an object.
//
// The tests run against a server that speaks as the service does. A proxy before it
// makes what that cannot show: lost replies, refusals, cut connections, stalls.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	transport "google.golang.org/api/transport/http"

	"github.com/etcdward/etcdward/storage"
)

// Options say which bucket, and how to speak to its store.
type Options struct {
	// Bucket is its name. Required.
	Bucket string
	// Prefix is a folder in the bucket that all keys lie in. "": none.
	Prefix string
	// Endpoint is the URL of the service. "": Google's. To one with http: no
	// credentials are sent.
	Endpoint string
	// CredentialsFile is the key of a service account in JSON, or the configuration of a
	// workload identity. "": the default credentials of the environment.
	CredentialsFile string
}

// Bucket is a GCS bucket, or a folder in one, as a storage.Bucket. The version of an
// object is its generation, which it has whether or not the bucket keeps old ones.
type Bucket struct {
	options Options
	client  *gcs.Client
	handle  *gcs.BucketHandle
	pool    *http.Transport
	scheme  *storage.Scheme
	// tuning is what tests make smaller.
	tuning
}

// tuning is sizes and times that no user needs to set.
type tuning struct {
	// chunk in bytes is sent at once, and kept in memory to be sent again.
	chunk int64
	// stall is how long a connection may go without moving a byte.
	stall time.Duration
	// call is how long a request may take that moves no object, or one chunk of
	// one, with its retries.
	call time.Duration
	// pause is the first time between two attempts, which doubles up to 20 times that.
	pause time.Duration
}

var defaults = tuning{chunk: 8 << 20, stall: 2 * time.Minute, call: 5 * time.Minute, pause: time.Second}

// attempts is how often a request is made until its error is believed.
const attempts = 8

var (
	_ storage.Bucket    = (*Bucket)(nil)
	_ storage.Remover   = (*Bucket)(nil)
	_ storage.Historian = (*Bucket)(nil)
	_ storage.Tidier    = (*Bucket)(nil)
	_ storage.Inspector = (*Bucket)(nil)
)

// Open returns a bucket. It asks the service nothing, so that it succeeds while that is
// away: its error means that the options are wrong or that there are no credentials.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	return openTuned(ctx, o, defaults)
}

func openTuned(ctx context.Context, o Options, t tuning) (*Bucket, error) {
	o.Prefix = strings.Trim(o.Prefix, "/")
	bucket, err := open(ctx, o, t)
	if err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", o.Bucket, err)
	}
	return bucket, nil
}

func open(ctx context.Context, o Options, t tuning) (*Bucket, error) {
	if o.Bucket == "" {
		return nil, errors.New("no bucket is named")
	}
	if o.Prefix != "" {
		if err := storage.CheckKey(o.Prefix); err != nil {
			return nil, fmt.Errorf("prefix: %w", err)
		}
	}
	if err := storage.CheckEndpoint(o.Endpoint); err != nil {
		return nil, err
	}
	pool, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default HTTP transport was replaced")
	}
	pool = pool.Clone()
	pool.DialContext = storage.StallingDialer(t.stall)
	pool.IdleConnTimeout = min(30*time.Second, t.stall/2)
	pool.MaxIdleConnsPerHost = 16

	settings := []option.ClientOption{option.WithScopes(gcs.ScopeReadWrite)}
	switch {
	case o.CredentialsFile != "":
		kind, err := credentialsType(o.CredentialsFile)
		if err != nil {
			return nil, fmt.Errorf("read credentials from %s: %w", o.CredentialsFile, err)
		}
		settings = append(settings, option.WithAuthCredentialsFile(kind, o.CredentialsFile))
	case strings.HasPrefix(o.Endpoint, "http:"):
		settings = append(settings, option.WithoutAuthentication())
	}
	authorized, err := transport.NewTransport(ctx, pool, settings...)
	if cause := tokenCause(err); cause != nil {
		return nil, cause
	} else if err != nil {
		return nil, err
	}
	scheme := storage.NewScheme(o.Endpoint)
	// The transport has the credentials. Left to itself the client would look for others.
	settings = []option.ClientOption{
		option.WithHTTPClient(&http.Client{Transport: budgeted{checked{authorized}}}), option.WithoutAuthentication(), gcs.WithJSONReads(),
	}
	if o.Endpoint != "" {
		settings = append(settings, option.WithEndpoint(strings.TrimSuffix(o.Endpoint, "/")+"/storage/v1/"))
	}
	client, err := gcs.NewClient(ctx, settings...)
	if err != nil {
		return nil, err
	}
	client.SetRetry(
		gcs.WithBackoff(gax.Backoff{Initial: t.pause, Max: 20 * t.pause, Multiplier: 2}),
		gcs.WithMaxAttempts(attempts),
		gcs.WithPolicy(gcs.RetryAlways),
		gcs.WithErrorFunc(func(err error) bool { return retry(err) && scheme.Cause(err) == nil }),
	)
	return &Bucket{options: o, client: client, handle: client.Bucket(o.Bucket), pool: pool, scheme: scheme, tuning: t}, nil
}

// Close closes the idle connections.
func (b *Bucket) Close() error {
	err := b.client.Close()
	b.pool.CloseIdleConnections()
	return err
}

// name is what the service calls a key, or a prefix of keys.
func (b *Bucket) name(key string) string {
	if b.options.Prefix != "" {
		return b.options.Prefix + "/" + key
	}
	return key
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
