// Package fetch turns a snapshot in a store, or a sealed file on disk, back into the plain file that etcd sent.
//
// Its one invariant: the file appears under its name only after it is whole and has passed the checks of levels 1
// and 2.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/version"
)

// Fetcher turns a stored snapshot back into the plain file that etcd sent.
type Fetcher struct {
	Identities seal.Identities
	Progress   agent.Progress
	// Waited hears how long each reading from the store took; nil: nobody does.
	Waited func(time.Duration)
}

// Run writes the plain file of a snapshot to output, which must not exist. The file appears there only after it is whole
// and has passed the checks of levels 1 and 2. An error that wraps snapshot.ErrDamaged means that it never will.
func (f *Fetcher) Run(ctx context.Context, found stores.Found, output string) (err error) {
	if _, err := os.Lstat(output); err == nil {
		return fmt.Errorf("fetch %s: %s: %w", found.Manifest.ID, output, fs.ErrExist)
	}
	area, err := staging.In(filepath.Dir(output))
	if err != nil {
		return fmt.Errorf("fetch %s: %w", found.Manifest.ID, err)
	}
	if err := area.Require(found.Manifest.SizeBytes); err != nil {
		return fmt.Errorf("fetch %s: %w", found.Manifest.ID, err)
	}
	file, err := area.Create("." + filepath.Base(output) + ".partial")
	if err != nil {
		return fmt.Errorf("fetch %s: %w", found.Manifest.ID, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, staging.Discard(file))
		}
	}()
	digest, err := f.Copy(ctx, found, file)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("fetch %s: %w", found.Manifest.ID, err)
	}
	f.Progress.Report("check", 0, 0)
	exam, err := snapshot.ExamineDigested(ctx, file.Name(), digest, version.MinorOf(found.Manifest.Member.Version))
	if err != nil {
		return fmt.Errorf("fetch %s: %w", found.Manifest.ID, err)
	}
	if err := SameFile(exam, found.Manifest); err != nil {
		return fmt.Errorf("fetch %s: %w", found.Manifest.ID, err)
	}
	if err := unix.Renameat2(unix.AT_FDCWD, file.Name(), unix.AT_FDCWD, output, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("fetch %s: rename to %s: %w", found.Manifest.ID, output, err)
	}
	return errors.Join(file.Close(), staging.SyncFolder(filepath.Dir(output)))
}

// Copy writes the plain bytes of a stored snapshot to dst, and never more than the manifest promises. If it
// returns no error, it has also compared the size and SHA-256 of the stored object with the manifest.
func (f *Fetcher) Copy(ctx context.Context, found stores.Found, dst io.Writer) (*snapshot.Digest, error) {
	m := found.Manifest
	sealed, err := found.Store.Catalog.Open(ctx, m)
	if err != nil {
		return nil, err
	}
	defer sealed.Close()
	seen := io.TeeReader(f.timed(sealed), f.Progress.Count("read", m.Object.SizeBytes))
	plain, err := seal.Unseal(seen, m.Object.Compression, m.Object.Encryption, f.Identities)
	if errors.Is(err, seal.ErrNoIdentity) {
		return nil, fmt.Errorf("snapshot %s: %w", m.ID, err)
	}
	if err != nil {
		return nil, blame(m, sealed, err)
	}
	defer plain.Close()
	digest := snapshot.NewDigest()
	n, err := io.CopyBuffer(io.MultiWriter(dst, digest), io.LimitReader(plain, m.SizeBytes+1), make([]byte, 256<<10))
	var write *fs.PathError
	switch {
	case err != nil && (errors.As(err, &write) || ctx.Err() != nil):
		return nil, fmt.Errorf("snapshot %s: %w", m.ID, err)
	case err != nil:
		return nil, blame(m, sealed, err)
	case n > m.SizeBytes:
		return nil, fmt.Errorf("snapshot %s: %w: more than the %d bytes that its manifest says", m.ID, snapshot.ErrDamaged, m.SizeBytes)
	}
	// The decoder may stop before the end of the object. Read the rest, since the SHA-256 covers the whole
	// object.
	if _, err := io.Copy(io.Discard, seen); err != nil {
		return nil, err
	}
	return digest, nil
}

// timed tells how long the readings take.
func (f *Fetcher) timed(r io.Reader) io.Reader {
	if f.Waited == nil {
		return r
	}
	return readerFunc(func(p []byte) (int, error) {
		begun := time.Now()
		n, err := r.Read(p)
		f.Waited(time.Since(begun))
		return n, err
	})
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// blame finds out whether a decoder failed because the bytes are damaged. If they are, the SHA-256 is wrong when the
// object was read to its end. An error of the store is returned as it is.
func blame(m snapshot.Manifest, sealed io.Reader, cause error) error {
	if errors.Is(cause, snapshot.ErrDamaged) {
		return cause
	}
	if _, err := io.Copy(io.Discard, sealed); err != nil {
		return err
	}
	return fmt.Errorf("snapshot %s: %w: the stored object is unchanged, but cannot be decoded: %w", m.ID, snapshot.ErrDamaged, cause)
}

// difference names the first fact in which a manifest differs from its file.
func difference(found, said snapshot.Facts) string {
	var parts []string
	for _, f := range []struct {
		name        string
		found, said any
	}{
		{"size in bytes", found.SizeBytes, said.SizeBytes}, {"SHA-256", found.SHA256, said.SHA256}, {"status hash", found.StatusHash, said.StatusHash},
		{"revision", found.Revision, said.Revision}, {"compact revision", found.CompactRevision, said.CompactRevision},
		{"total keys", found.TotalKeys, said.TotalKeys}, {"storage version", found.StorageVersion, said.StorageVersion},
		{"HashKV", found.HashKV.Hash, said.HashKV.Hash},
		{"revision of HashKV", found.HashKV.Revision, said.HashKV.Revision},
		{"compact revision of HashKV", found.HashKV.CompactRevision, said.HashKV.CompactRevision},
	} {
		if f.found != f.said {
			parts = append(parts, fmt.Sprintf("%s is %v, and the manifest says %v", f.name, f.found, f.said))
		}
	}
	return strings.Join(parts, "; ")
}

// SameFile compares what was found in a file with what its manifest says.
func SameFile(exam snapshot.Examination, m snapshot.Manifest) error {
	if err := exam.Err(); err != nil {
		return err
	}
	if exam.Facts != m.Facts {
		return fmt.Errorf("%w: it is a sound snapshot, but not the one of the manifest: %s", snapshot.ErrDamaged, difference(exam.Facts, m.Facts))
	}
	return nil
}
