package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// Put implements storage.Bucket. Stored is the time of the last write to the file.
func (b *Bucket) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if err := storage.CheckKey(up.Key); err != nil {
		return storage.Object{}, err
	}
	v, err := b.enter()
	if err != nil {
		return storage.Object{}, err
	}
	defer func() { _ = v.leave() }()
	obj, err := v.put(ctx, up)
	if err != nil {
		return storage.Object{}, b.explain("put", up.Key, err)
	}
	return obj, nil
}

func (v *visit) put(ctx context.Context, up storage.Upload) (obj storage.Object, err error) {
	if err := ctx.Err(); err != nil {
		return obj, err
	}
	if err := v.makeFolders(path.Dir(up.Key)); err != nil {
		return obj, err
	}
	folder, err := v.openFolder(path.Dir(up.Key))
	if err != nil {
		return obj, err
	}
	defer folder.Close()

	// If the object is there already, nothing need be written.
	obj, err = v.present(ctx, folder, up)
	if !errors.Is(err, fs.ErrNotExist) {
		return obj, err
	}
	file, err := v.createPartial(folder)
	if err != nil {
		return obj, err
	}
	partial := path.Base(file.Name())
	defer func() {
		// Once the file is published this name is gone. Otherwise nobody needs the file.
		_ = unix.Unlinkat(int(folder.Fd()), partial, 0)
		_ = file.Close()
	}()
	if err := storage.Copy(ctx, file, up); err != nil {
		return obj, err
	}
	if err := file.Sync(); err != nil {
		return obj, err
	}
	if err := ctx.Err(); err != nil {
		return obj, err
	}
	switch err := v.publish(ctx, folder, partial, path.Base(up.Key)); {
	case errors.Is(err, fs.ErrExist):
		// Somebody else was faster, or a network file system did it, lost the reply
		// and tried again.
		return v.present(ctx, folder, up)
	case err != nil:
		return obj, err
	}
	stat, err := statFile(folder, path.Base(up.Key))
	if err != nil {
		return obj, err
	}
	return object(up.Key, stat), v.syncFolders(path.Dir(up.Key))
}

// present returns the object that the key of an upload holds, and syncs it: its writer
// may have died before it did. fs.ErrExist: the key holds other bytes.
func (v *visit) present(ctx context.Context, folder *os.File, up storage.Upload) (storage.Object, error) {
	stat, err := statFile(folder, path.Base(up.Key))
	switch {
	case errors.Is(err, fs.ErrNotExist) && stat.Mode != 0:
		return storage.Object{}, &storage.Cause{
			Says: "something is in the way that is not a file",
			Try:  fmt.Sprintf("see whose %s is, and move it away", path.Join(v.path, up.Key)),
			Kind: storage.ErrSetup,
		}
	case err != nil:
		return storage.Object{}, err
	case stat.Size != up.Size:
		return storage.Object{}, fs.ErrExist
	}
	file, stat, err := openFile(folder, path.Base(up.Key))
	if err != nil {
		return storage.Object{}, err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, &reader{ctx: ctx, file: file, left: stat.Size})
	if err := errors.Join(err, file.Close()); err != nil {
		return storage.Object{}, err
	}
	if [sha256.Size]byte(hash.Sum(nil)) != up.SHA256 {
		return storage.Object{}, fs.ErrExist
	}
	return object(up.Key, stat), v.syncFolders(path.Dir(up.Key))
}

// makeFolders makes the folder, and those above it, if they do not exist.
func (v *visit) makeFolders(name string) error {
	if name == "." {
		return nil
	}
	if err := v.makeFolders(path.Dir(name)); err != nil {
		return err
	}
	switch err := v.root.Mkdir(name, 0o700); {
	case err == nil:
		folder, err := v.openFolder(name)
		if err != nil {
			return err
		}
		return errors.Join(v.give(folder), folder.Close())
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	info, err := v.root.Lstat(name)
	if err == nil && !info.IsDir() {
		return &storage.Cause{
			Says: fmt.Sprintf("%s is in the way, which is not a folder", name),
			Try:  fmt.Sprintf("see whose %s is, and move it away", path.Join(v.path, name)),
			Kind: storage.ErrSetup,
		}
	}
	return err
}

// syncFolders syncs the names in a folder, then the folder's own name, and so on upwards.
// It does so for each object, not only after it made a folder: the folder may come from a
// Put that died before it synced.
func (v *visit) syncFolders(name string) error {
	for ; ; name = path.Dir(name) {
		folder, err := v.openFolder(name)
		if err != nil {
			return err
		}
		if err := errors.Join(syncFolder(folder), folder.Close()); err != nil {
			return err
		}
		if name == "." {
			return nil
		}
	}
}

// publish gives a finished file its name, in one step and only if the name is free:
// else fs.ErrExist. Its partial name may stay, and is the caller's to remove.
func (v *visit) publish(ctx context.Context, folder *os.File, partial, name string) error {
	fd := int(folder.Fd())
	err := v.rename(fd, partial, fd, name, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	// NFS for one cannot do that, but does not replace on a link either.
	err = v.link(fd, partial, fd, name, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return v.publishClaimed(ctx, folder, partial, name)
	}
	return err
}
