package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Examination is what the checks on one file found.
type Examination struct {
	// Checks are the checks of levels 1 and 2 that were made, in order. The list ends with the first that
	// failed.
	Checks []Check
	// Facts of the file. If level 1 or level 2 failed, only SizeBytes and SHA256 are set.
	Facts Facts
	// Origin of the file, set if level 2 held.
	Origin Origin
	// Bare: it is a database file, as a member has it on its disk, without the trailer of a snapshot. Nothing proves that its bytes are
	// those that etcd wrote, so that level 1 does not hold; level 2 does.
	Bare bool
}

// OK reports whether every check was made and held.
func (e Examination) OK() bool { return Level(e.Checks) >= 2 }

// Err returns the first check that failed as an error that wraps ErrDamaged; nil if every check was made and
// held.
func (e Examination) Err() error {
	if c, found := FirstFailed(e.Checks); found {
		return c.Err()
	}
	return nil
}

// Damage returns the text of an error that wraps ErrDamaged without the words of ErrDamaged itself. It is the detail of a
// failed check, which already says that the file is damaged.
func Damage(err error) string {
	return strings.Replace(err.Error(), ErrDamaged.Error()+": ", "", 1)
}

// Examine makes the checks of levels 1 and 2 on the snapshot file at path. It reads the file once, and then a
// child process parses it. minor is the minor version of the etcd that served the file, on which the meaning
// of Facts.TotalKeys depends; 0 means that the version in the file counts.
//
// Damage is a result, not an error. An error means that the question stays open, because the file could not
// be read, the context ended, or the child could not run.
func Examine(ctx context.Context, path string, minor int) (Examination, error) {
	file, err := os.Open(path)
	if err != nil {
		return Examination{}, fmt.Errorf("examine snapshot: %w", err)
	}
	defer file.Close()
	digest, err := DigestOf(ctx, file)
	if err != nil {
		return Examination{}, fmt.Errorf("examine snapshot %s: %w", path, err)
	}
	return ExamineDigested(ctx, path, digest, minor)
}

// ExamineAny is Examine that takes a bare database as well, the file that a member has on its disk: its pages are checked although it has
// no trailer, and the examination is marked as Bare. Whoever uses it must say that nothing proves the file.
func ExamineAny(ctx context.Context, path string, minor int) (Examination, error) {
	e, err := Examine(ctx, path, minor)
	if err != nil || len(e.Checks) != 1 || e.Facts.SizeBytes == 0 || e.Facts.SizeBytes%sectorSize != 0 {
		return e, err
	}
	if err := e.inspect(ctx, path, minor); err != nil || !e.Checks[1].OK {
		return e, err // a stream that was cut short is no database
	}
	e.Bare = true
	e.Checks[0].Detail = unproven + "a bare database file has no SHA-256 trailer; nothing proves that its bytes are those that etcd wrote"
	return e, nil
}

// unproven begins the detail of a check that nothing can be said about.
const unproven = "unproven: "

// Unproven reports whether all that speaks against a file is that nothing proves it: a bare database whose pages hold.
func Unproven(checks []Check) bool {
	return len(checks) == 2 && strings.HasPrefix(checks[0].Detail, unproven) && checks[1].OK
}

// ExamineDigested does what Examine does, for a file whose bytes went through digest when they were written.
func ExamineDigested(ctx context.Context, path string, digest *Digest, minor int) (Examination, error) {
	var e Examination
	whole, damage := digest.Verify()
	e.Facts.SizeBytes, e.Facts.SHA256 = digest.Size(), whole
	trailer := Check{Name: CheckSHA256, OK: damage == nil, Detail: fmt.Sprintf("the trailer matches %d bytes", digest.Size()-trailerSize)}
	if damage != nil {
		trailer.Detail = Damage(damage)
	}
	e.Checks = append(e.Checks, trailer)
	if !trailer.OK {
		return e, nil
	}
	err := e.inspect(ctx, path, minor)
	return e, err
}

// inspect makes the checks of level 2.
func (e *Examination) inspect(ctx context.Context, path string, minor int) error {
	found, err := inspectInChild(ctx, path, minor, asItIs)
	switch {
	case errors.Is(err, ErrDamaged):
		e.Checks = append(e.Checks, Check{Name: CheckPages, Detail: Damage(err)})
		return nil
	case err != nil:
		return fmt.Errorf("examine snapshot: %w", err)
	}
	facts := found.Facts
	facts.SizeBytes, facts.SHA256 = e.Facts.SizeBytes, e.Facts.SHA256
	e.Facts, e.Origin = facts, found.Origin
	e.Checks = append(e.Checks, Check{Name: CheckPages, OK: true,
		Detail: fmt.Sprintf("pages, buckets and revisions hold; %d keys up to revision %d%s", facts.TotalKeys, facts.Revision, e.Origin.appendix())})
	return nil
}

// asItIs, in the place of a compact revision, means the one that the file has.
const asItIs = -1

// Rehash computes what a live member would answer to HashKV that has the data of the file at path and was compacted since, at the
// revision compacted, which is not beyond the file's newest. The file has passed the checks of levels 1 and 2 before.
func Rehash(ctx context.Context, path string, compacted int64) (HashKV, error) {
	found, err := inspectInChild(ctx, path, 0, compacted)
	if err != nil {
		return HashKV{}, fmt.Errorf("hash snapshot as compacted at %d: %w", compacted, err)
	}
	return found.Facts.HashKV, nil
}
