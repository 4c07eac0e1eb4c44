package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
)

// Plain is a plain snapshot file that passed its checks. It is there until Close.
type Plain struct {
	Path string
	// ID is that of the stored snapshot, or File the path that was given: one of them.
	ID, File string
	Facts    snapshot.Facts
	// Bare: File is a database as a member has it on its disk. Its pages hold, and nothing proves that its bytes are what etcd wrote.
	Bare bool

	close func() error
}

// Close removes the file if it was made for this.
func (p Plain) Close() error {
	if p.close == nil {
		return nil
	}
	return p.close()
}

// Finding is what a person has to know of the file before it is trusted; nil: nothing. It wraps agent.ErrPartial.
func (p Plain) Finding() error {
	if !p.Bare {
		return nil
	}
	return fmt.Errorf("%s: %w: it is a database as a member has it on its disk, without the trailer of a snapshot: its pages hold, and nothing proves its bytes", p.File, agent.ErrPartial)
}

// FromStore brings a stored snapshot into an area, under a name that begins with prefix. What a killed process leaves of it is swept with the rest
// of the area. The errors are those of Run.
func (f *Fetcher) FromStore(ctx context.Context, found stores.Found, area *staging.Area, prefix string) (Plain, error) {
	id := found.Manifest.ID
	path := filepath.Join(area.Path(), fmt.Sprintf("%s-%s-%d", prefix, id, os.Getpid())) // no other process has it
	if _, err := staging.RemoveAbandoned(path); err != nil {
		return Plain{}, err
	}
	if err := f.Run(ctx, found, path); err != nil {
		return Plain{}, err
	}
	file, err := os.Open(path)
	if err == nil {
		err = unix.Flock(int(file.Fd()), unix.LOCK_SH)
	}
	if err != nil {
		return Plain{}, errors.Join(fmt.Errorf("fetch %s: %w", id, err), os.Remove(path))
	}
	return Plain{Path: path, ID: id, Facts: found.Manifest.Facts, close: func() error { return staging.Discard(file) }}, nil
}

// FromFile checks a file: plain, or sealed by zstd and age; or a bare database, which Finding tells of. What it has to unpack goes below $TMPDIR. An error that wraps snapshot.ErrDamaged means that the file
// is no sound snapshot, one that wraps seal.ErrNoIdentity that nothing opens it.
func (f *Fetcher) FromFile(ctx context.Context, path string) (p Plain, err error) {
	p = Plain{Path: path, File: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer file.Close()
	compression, encryption, whole, err := seal.Recognise(file)
	if err != nil {
		return p, err
	}
	var exam snapshot.Examination
	if compression == seal.None && encryption == seal.None {
		exam, err = snapshot.ExamineAny(ctx, path, 0)
	} else {
		exam, err = f.unpackBelowTemp(ctx, whole, compression, encryption, &p)
	}
	p.Facts, p.Bare = exam.Facts, exam.Bare && snapshot.Unproven(exam.Checks)
	if err == nil && !p.Bare {
		err = exam.Err()
	}
	return p, err
}

// unpackBelowTemp unpacks a sealed file into a folder of its own.
func (f *Fetcher) unpackBelowTemp(ctx context.Context, sealed io.Reader, compression, encryption string, p *Plain) (snapshot.Examination, error) {
	scratch, err := os.MkdirTemp("", "etcdward-")
	if err != nil {
		return snapshot.Examination{}, err
	}
	p.close = func() error { return os.RemoveAll(scratch) }
	area, err := staging.In(scratch)
	if err != nil {
		return snapshot.Examination{}, err
	}
	file, digest, err := Unpack(ctx, area, sealed, compression, encryption, f.Identities)
	if err != nil {
		return snapshot.Examination{}, err
	}
	p.Path, p.close = file.Name(), func() error { return errors.Join(staging.Discard(file), os.RemoveAll(scratch)) }
	return snapshot.ExamineDigested(ctx, file.Name(), digest, 0)
}

// Unpack writes what sealed bytes hold into a new file of an area, which the caller discards, and leaves staging.Reserve of the disk to others.
//
// An error that wraps seal.ErrNoIdentity means that nothing opens them, one that wraps snapshot.ErrDamaged that they cannot be decoded, and one that wraps
// staging.ErrNoSpace that they decode to more than the disk holds. When ctx ends it stops at once, with the cause.
func Unpack(ctx context.Context, area *staging.Area, sealed io.Reader, compression, encryption string, keys seal.Identities) (*os.File, *snapshot.Digest, error) {
	plain, err := seal.Unseal(sealed, compression, encryption, keys)
	if err != nil {
		return nil, nil, decodeError(err)
	}
	defer plain.Close()
	free, err := area.Free()
	if err != nil {
		return nil, nil, err
	}
	file, err := area.Create("unpacked")
	if err != nil {
		return nil, nil, err
	}
	digest := snapshot.NewDigest()
	if err := fill(ctx, file, digest, plain, free-staging.Reserve); err != nil {
		return nil, nil, errors.Join(err, staging.Discard(file))
	}
	return file, digest, nil
}

// fill writes the plain bytes, at most so many.
func fill(ctx context.Context, file *os.File, digest *snapshot.Digest, plain io.Reader, most int64) error {
	n, err := io.Copy(io.MultiWriter(file, digest), io.LimitReader(cancellation.Reader(ctx, plain), most))
	var local *os.PathError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &local) && local.Path == file.Name():
		return err
	case err != nil:
		return decodeError(err)
	case n >= most:
		return fmt.Errorf("%w: it decodes to more than %d bytes", staging.ErrNoSpace, n)
	}
	return nil
}

// decodeError tells damage from the lack of a key.
func decodeError(err error) error {
	if errors.Is(err, seal.ErrNoIdentity) {
		return err
	}
	return fmt.Errorf("%w: it cannot be decoded: %w", snapshot.ErrDamaged, err)
}
