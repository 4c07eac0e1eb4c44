package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage"
)

// resumptions is how often one reader goes on after a connection was cut.
const resumptions = 10

// Open implements storage.Bucket.
func (b *Bucket) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	if err := storage.CheckKey(obj.Key); err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: b.name(obj.Key), VersionId: pinned(obj)}
	out, err := b.client.GetObject(ctx, in)
	if err != nil {
		if noVersion(obj, err) {
			err = fs.ErrNotExist
		}
		return nil, b.explain("open", obj.Key, err)
	}
	if out.ContentLength == nil || *out.ContentLength < 0 {
		err := errors.New("the store does not say how long it is")
		return nil, b.explain("open", obj.Key, errors.Join(err, out.Body.Close()))
	}
	given := storage.Object{Key: obj.Key, Version: aws.ToString(out.VersionId), Size: *out.ContentLength, Tag: tag(out.ETag), Stored: aws.ToTime(out.LastModified).UTC()}
	if obj.Tag != "" && obj.Size != given.Size {
		return nil, errors.Join(b.explain("open", obj.Key, storage.Contradicted(obj, given.Size)), out.Body.Close())
	}
	// A reader that resumes must get the same object.
	if out.VersionId != nil && *out.VersionId != "" {
		in.VersionId = out.VersionId
	}
	in.IfMatch = out.ETag
	return &reader{ctx: ctx, bucket: b, key: obj.Key, in: in, body: out.Body, size: given.Size, given: given}, nil
}

// pinned is the version to name in a request.
func pinned(obj storage.Object) *string {
	if obj.Version == "" {
		return nil
	}
	return &obj.Version
}

// noVersion reports whether a version is missing in a way other than 404: its id does not
// have the form of this store's, or it is a delete marker.
func noVersion(obj storage.Object, err error) bool {
	return obj.Version != "" && (status(err) == http.StatusMethodNotAllowed ||
		status(err) == http.StatusBadRequest && strings.HasPrefix(code(err), "Invalid"))
}

// reader reads one object. If a connection is cut, it goes on with another one.
type reader struct {
	ctx    context.Context
	bucket *Bucket
	key    string
	in     *s3.GetObjectInput
	body   io.ReadCloser
	// at and size are bytes: where the reader is, and where the object ends.
	at, size int64
	resumed  int
	given    storage.Object
}

// Object implements storage.Described.
func (r *reader) Object() storage.Object { return r.given }

func (r *reader) Read(p []byte) (int, error) {
	for {
		if err := r.ctx.Err(); err != nil {
			return 0, r.bucket.explain("read", r.key, err)
		}
		n, err := r.body.Read(p)
		r.at += int64(n)
		switch {
		case r.at > r.size:
			return 0, r.bucket.explain("read", r.key, fmt.Errorf("more than its %d bytes came", r.size))
		case err == nil, errors.Is(err, io.EOF) && r.at == r.size:
			return n, err
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		if r.ctx.Err() != nil {
			err = r.ctx.Err()
		} else if r.at < r.size && r.resumed < resumptions {
			r.resumed++
			err = r.resume()
		}
		if err != nil {
			return n, r.bucket.explain("read", r.key, fmt.Errorf("at byte %d of %d: %w", r.at, r.size, err))
		}
		if n > 0 {
			return n, nil
		}
	}
}

// resume opens the rest of the object.
func (r *reader) resume() error {
	_ = r.body.Close()
	r.body = http.NoBody
	in := *r.in
	in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.at))
	out, err := r.bucket.client.GetObject(r.ctx, &in)
	if err != nil {
		return err
	}
	want := fmt.Sprintf("bytes %d-%d/%d", r.at, r.size-1, r.size)
	if got := aws.ToString(out.ContentRange); got != want {
		return errors.Join(fmt.Errorf("asked for %q, got %q", want, got), out.Body.Close())
	}
	r.body = out.Body
	return nil
}

func (r *reader) Close() error {
	return r.body.Close()
}

// head looks at an object: the version that is named, else the current one.
func (b *Bucket) head(ctx context.Context, obj storage.Object) (storage.Object, map[string]string, error) {
	setting, err := b.versioning(ctx)
	if err != nil {
		return storage.Object{}, nil, err
	}
	out, err := b.headObject(ctx, obj)
	if err != nil {
		return storage.Object{}, nil, err
	}
	return storage.Object{
		Key:     obj.Key,
		Version: setting.version(out.VersionId),
		Size:    aws.ToInt64(out.ContentLength),
		Tag:     tag(out.ETag),
		Stored:  aws.ToTime(out.LastModified).UTC(),
	}, out.Metadata, nil
}

// tag is an ETag as this package gives it: stores differ in whether they quote it.
func tag(etag *string) string {
	return strings.Trim(strings.TrimPrefix(aws.ToString(etag), "W/"), `"`)
}

func (b *Bucket) headObject(ctx context.Context, obj storage.Object) (*s3.HeadObjectOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	return b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.options.Bucket, Key: b.name(obj.Key), VersionId: pinned(obj)})
}
