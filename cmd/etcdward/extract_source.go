package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/wire"
)

// extractStored brings a snapshot from a store into the staging area. It is whole, and the one of its manifest.
func (inv *invocation) extractStored(ctx context.Context, ref string, keys seal.Identities, sel wire.Selection) (source extractSource, err error) {
	h, found, done, err := inv.find(ctx, ref, sel)
	if err != nil {
		return source, err
	}
	defer func() {
		if err != nil {
			done(&err)
		}
	}()
	area, err := h.Staging()
	if err != nil {
		return source, err
	}
	// Its name is its own by the process, and what a kill leaves of it is swept with the rest of the area.
	path := filepath.Join(area.Path(), fmt.Sprintf("extract-%s-%d", found.Manifest.ID, os.Getpid()))
	if _, err := staging.RemoveAbandoned(path); err != nil {
		return source, err
	}
	job := fetch.Fetcher{Identities: keys, Progress: h.Progress}
	if err := job.Run(ctx, found, path); err != nil {
		return source, fetchError{err}
	}
	file, err := os.Open(path)
	if err == nil {
		err = unix.Flock(int(file.Fd()), unix.LOCK_SH)
	}
	if err != nil {
		return source, errors.Join(fmt.Errorf("extract %s: %w", found.Manifest.ID, err), os.Remove(path))
	}
	return extractSource{path: path, id: found.Manifest.ID, facts: found.Manifest.Facts, progress: h.Progress,
		close: func() error { err := staging.Discard(file); done(&err); return err }}, nil
}

// extractFile verifies a file. What it has to unpack goes below $TMPDIR, for neither a configuration nor a state directory is
// needed.
func (inv *invocation) extractFile(ctx context.Context, path string, keys seal.Identities) (source extractSource, err error) {
	show, done := inv.newProgress()
	source = extractSource{path: path, file: path, progress: show, close: func() error { done(); return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, source.close())
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		return source, fmt.Errorf("extract: %w", err)
	}
	defer file.Close()
	compression, encryption, whole, err := seal.Recognise(file)
	if err != nil {
		return source, fmt.Errorf("extract %s: %w", path, err)
	}
	if compression != seal.None || encryption != seal.None {
		plain, err := seal.Unseal(whole, compression, encryption, keys)
		if err != nil {
			return source, unsealError(path, err)
		}
		defer plain.Close()
		scratch, err := os.MkdirTemp("", "etcdward-extract-")
		if err != nil {
			return source, fmt.Errorf("extract %s: %w", path, err)
		}
		source.path = filepath.Join(scratch, "snapshot.db")
		source.close = func() error { done(); return os.RemoveAll(scratch) }
		if err := unpack(ctx, path, plain, source.path); err != nil {
			return source, err
		}
	}
	exam, err := snapshot.Examine(ctx, source.path, 0)
	if err != nil {
		return source, fmt.Errorf("extract %s: %w", path, err)
	}
	if err := exam.Err(); err != nil {
		return source, fmt.Errorf("extract %s: %w", path, err)
	}
	source.facts = exam.Facts
	return source, nil
}

// unpack writes what a sealed file holds, and leaves a tenth of a gigabyte of the disk to others.
func unpack(ctx context.Context, path string, plain io.Reader, to string) error {
	const reserve = 100 << 20
	area, err := staging.In(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("extract %s: %w", path, err)
	}
	free, err := area.Free()
	if err != nil {
		return fmt.Errorf("extract %s: %w", path, err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("extract %s: %w", path, err)
	}
	n, err := io.Copy(out, io.LimitReader(contextReader{ctx, plain}, free-reserve))
	var local *os.PathError
	switch closed := out.Close(); {
	case ctx.Err() != nil:
		return fmt.Errorf("extract %s: %w", path, context.Cause(ctx))
	case errors.As(err, &local) && local.Path == to:
		return fmt.Errorf("extract %s: %w", path, err)
	case err != nil:
		return unsealError(path, err)
	case n >= free-reserve:
		return fmt.Errorf("extract %s: %w: it decodes to more than %d bytes", path, staging.ErrNoSpace, n)
	default:
		return closed
	}
}

// unsealError tells damage from the lack of a key.
func unsealError(path string, err error) error {
	if errors.Is(err, seal.ErrNoIdentity) {
		return fmt.Errorf("extract %s: %w", path, err)
	}
	return fmt.Errorf("extract %s: %w: it cannot be decoded: %w", path, snapshot.ErrDamaged, err)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
