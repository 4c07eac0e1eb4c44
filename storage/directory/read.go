package directory

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// Open implements storage.Bucket.
func (b *Bucket) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	if err := storage.CheckKey(obj.Key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, b.explain("open", obj.Key, err)
	}
	v, err := b.enter()
	if err != nil {
		return nil, err
	}
	defer func() { _ = v.leave() }()
	folder, err := v.openFolder(path.Dir(obj.Key))
	if err != nil {
		return nil, b.explain("open", obj.Key, err)
	}
	defer folder.Close()
	file, stat, err := openFile(folder, path.Base(obj.Key))
	if err != nil {
		return nil, b.explain("open", obj.Key, err)
	}
	given := object(obj.Key, stat)
	if obj.Tag != "" && obj.Size != given.Size {
		return nil, errors.Join(b.explain("open", obj.Key, storage.Contradicted(obj, given.Size)), file.Close())
	}
	return &reader{bucket: b, ctx: ctx, key: obj.Key, file: file, left: stat.Size, given: given}, nil
}

// openFile opens a regular file of a folder. Anything else is fs.ErrNotExist.
func openFile(folder *os.File, name string) (*os.File, unix.Stat_t, error) {
	stat, err := statFile(folder, name)
	if err != nil {
		return nil, stat, err
	}
	// Should a link or a pipe have taken its place since, neither follow nor wait.
	fd, err := unix.Openat(int(folder.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, stat, err
	}
	return os.NewFile(uintptr(fd), name), stat, nil
}

// reader reads a file that has left bytes to come.
type reader struct {
	bucket *Bucket
	ctx    context.Context
	key    string
	file   *os.File
	left   int64
	given  storage.Object
}

// Object implements storage.Described.
func (r *reader) Object() storage.Object { return r.given }

// Read fails with io.ErrUnexpectedEOF where the file has become shorter.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.bucket.explain("read", r.key, err)
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.file.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF):
		return n, r.bucket.explain("read", r.key, io.ErrUnexpectedEOF)
	case err != nil:
		return n, r.bucket.explain("read", r.key, err)
	}
	return n, nil
}

func (r *reader) Close() error {
	return r.file.Close()
}

// List implements storage.Bucket. It reads one folder at a time and holds the names
// of those that it is in. What is not an object is passed over: links, sockets,
// names that are no keys.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, b.explain("list", prefix, err))
			return
		}
		if storage.CheckPrefix(prefix) != nil {
			return
		}
		v, err := b.enter()
		if err != nil {
			yield(storage.Object{}, err)
			return
		}
		defer func() { _ = v.leave() }()
		folder, begin := path.Split(prefix)
		folder = strings.TrimSuffix(folder, "/")
		if err := v.list(ctx, folder, begin, yield); err != nil && !errors.Is(err, errStop) {
			yield(storage.Object{}, b.explain("list", prefix, err))
		}
	}
}

// errStop ends a walk whose caller has seen enough.
var errStop = errors.New("enough")

// list yields the objects in a folder, "" for the root, whose names begin with begin,
// and all that is in the folders whose names do.
func (v *visit) list(ctx context.Context, folder, begin string, yield func(storage.Object, error) bool) error {
	file, err := v.openFolder(path.Join(".", folder))
	if err != nil {
		return ignoreMissing(err)
	}
	defer file.Close()
	entries, err := file.ReadDir(-1)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), begin) {
			continue
		}
		// A folder takes its place with the slash that its keys have after its name.
		switch {
		case entry.IsDir():
			names = append(names, entry.Name()+"/")
		case entry.Type().IsRegular():
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := path.Join(folder, name)
		if storage.CheckKey(key) != nil {
			continue
		}
		if strings.HasSuffix(name, "/") {
			if err := v.list(ctx, key, "", yield); err != nil {
				return err
			}
			continue
		}
		switch stat, err := statFile(file, name); {
		case errors.Is(err, fs.ErrNotExist): // deleted since
		case err != nil:
			return err
		case !yield(object(key, stat), nil):
			return errStop
		}
	}
	return nil
}
