// Package verify makes every check that can be made on a snapshot: by its place in a store, by file, and by sample.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/version"
)

// checkObject is the name of the check that the stored bytes are those that were stored. It proves less than a read-back:
// nothing was decoded.
const checkObject = "object"

// Verifier makes every check that can be made on a snapshot.
type Verifier struct {
	Staging    *staging.Area
	Identities seal.Identities
	// Apart is the time between two readings of a snapshot that is found damaged: one reading of a remote thing is no fact about it.
	Apart    time.Duration
	Tool     string
	Log      *slog.Logger
	Progress agent.Progress
}

// Verification is what the checks found.
type Verification struct {
	ID     string           `json:"id,omitempty"`
	OK     bool             `json:"ok"`
	Checks []snapshot.Check `json:"checks"`
	// Inconclusive are the checks that could not be decided, and OddMembers the members whose data were at odds with the majority's, when the
	// snapshot was taken.
	Inconclusive []snapshot.Open      `json:"inconclusive,omitempty"`
	OddMembers   []snapshot.OddMember `json:"odd_members,omitempty"`
	// Facts are nil when they could not be read.
	*snapshot.Facts
}

func (v *Verification) add(name string, ok bool, detail string) {
	v.Checks = append(v.Checks, snapshot.Check{Name: name, OK: ok, Detail: detail})
}

// Damaged reports whether a check found that the bytes are not those of a sound snapshot. A snapshot that the members' majority does not
// confirm is not proven, and may be the one that is right.
func (v Verification) Damaged() bool {
	_, found := firstDamage(v.Checks)
	return found
}

// firstDamage returns the first check that failed for the sake of the bytes; false: none did.
func firstDamage(checks []snapshot.Check) (failed snapshot.Check, found bool) {
	for _, c := range checks {
		if !c.OK && c.Name != snapshot.CheckHashKV {
			return c, true
		}
	}
	return snapshot.Check{}, false
}

// conclude sets OK: every check held, and there was one.
func (v *Verification) conclude() {
	_, failed := snapshot.FirstFailed(v.Checks)
	v.OK = len(v.Checks) > 0 && !failed
}

// File checks a file on disk: plain, or sealed by zstd and age. Damage is a result; an error
// leaves the question open.
func (v *Verifier) File(ctx context.Context, path string) (Verification, error) {
	file, err := os.Open(path)
	if err != nil {
		return Verification{}, fmt.Errorf("verify: %w", err)
	}
	defer file.Close()
	compression, encryption, whole, err := seal.Recognise(file)
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", path, err)
	}
	if compression == seal.None && encryption == seal.None {
		exam, err := snapshot.ExamineAny(ctx, path, 0)
		return examined(exam), err
	}
	return v.sealedFile(ctx, path, whole, compression, encryption)
}

// FileBelowTemp is Verifier.File for whoever has neither a configuration nor a state directory: what it unpacks goes below $TMPDIR.
func FileBelowTemp(ctx context.Context, path string, keys seal.Identities, progress agent.Progress) (out Verification, err error) {
	scratch, err := os.MkdirTemp("", "etcdward-verify-")
	if err != nil {
		return out, fmt.Errorf("verify %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	area, err := staging.In(scratch)
	if err != nil {
		return out, fmt.Errorf("verify %s: %w", path, err)
	}
	v := Verifier{Staging: area, Identities: keys, Log: slog.New(slog.DiscardHandler), Progress: progress}
	return v.File(ctx, path)
}

// sealedFile unseals into the staging area and checks what comes out.
func (v *Verifier) sealedFile(ctx context.Context, path string, sealed io.Reader, compression, encryption string) (Verification, error) {
	file, digest, err := fetch.Unpack(ctx, v.Staging, sealed, compression, encryption, v.Identities)
	if errors.Is(err, snapshot.ErrDamaged) {
		var out Verification
		out.add(snapshot.CheckSHA256, false, snapshot.Damage(err))
		return out, nil
	}
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", path, err)
	}
	defer func() { _ = staging.Discard(file) }() // what cannot be removed now, a sweep will
	exam, err := snapshot.ExamineDigested(ctx, file.Name(), digest, 0)
	return examined(exam), err
}

func examined(exam snapshot.Examination) Verification {
	out := Verification{Checks: exam.Checks, Facts: &exam.Facts}
	out.conclude()
	return out
}

// Stored checks a snapshot in a store: it reads the whole object back. Where the identity for an
// encrypted one is missing, the stored bytes are checked and the result says what could not be; where one was given that does
// not open it, sound bytes are an error that wraps seal.ErrNoIdentity. A read-back that held, and any damage, is noted in the
// store, as far as the store lets it.
func (v *Verifier) Stored(ctx context.Context, found stores.Found) (Verification, error) {
	m := found.Manifest
	file, err := v.Staging.Create("verify")
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", m.ID, err)
	}
	defer func() { _ = staging.Discard(file) }() // what cannot be removed now, a sweep will
	if err := v.Staging.Require(m.SizeBytes + staging.Reserve); err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", m.ID, err)
	}
	out := Verification{ID: m.ID}
	job := fetch.Fetcher{Identities: v.Identities, Progress: v.Progress}
	digest, err := job.Copy(ctx, found, file)
	switch {
	case errors.Is(err, seal.ErrNoIdentity):
		return v.sealedOnly(ctx, found, out)
	case errors.Is(err, snapshot.ErrDamaged):
		return v.damaged(ctx, found, out, err)
	case err != nil:
		return Verification{}, fmt.Errorf("verify: %w", err)
	}
	out.add(checkObject, true, fmt.Sprintf("the SHA-256 of all %d stored bytes is that of the manifest", m.Object.SizeBytes))
	v.Progress.Report("check", 0, 0)
	exam, err := snapshot.ExamineDigested(ctx, file.Name(), digest, version.MinorOf(m.Member.Version))
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", m.ID, err)
	}
	out.Checks = append(out.Checks, exam.Checks...)
	out.Facts = &exam.Facts
	same := fetch.SameFile(exam, m)
	if same == nil {
		out.add(snapshot.CheckReadBack, true, "decoded, it is byte for byte what etcd sent")
	} else {
		out.add(snapshot.CheckReadBack, false, snapshot.Damage(same))
	}
	out.Inconclusive, out.OddMembers = m.Inconclusive, m.OddMembers
	for _, c := range m.Checks {
		if c.Name == snapshot.CheckHashKV {
			out.Checks = append(out.Checks, c) // made when it was taken; the members have moved on
		}
	}
	out.conclude()
	v.note(ctx, found, out)
	return out, nil
}

// sealedOnly checks the stored bytes of an object that cannot be decrypted here. Bytes that are not those of the manifest are damage
// whatever is inside, and no identity opens a damaged head: it is looked at before the identity is blamed. Bytes that hold prove
// less than a read-back, and are not noted as one, but as what they are: so the sampler knows when they were read.
func (v *Verifier) sealedOnly(ctx context.Context, found stores.Found, out Verification) (Verification, error) {
	err := found.Store.Catalog.Holds(ctx, found.Manifest)
	switch {
	case errors.Is(err, snapshot.ErrDamaged):
		return v.damaged(ctx, found, out, err)
	case err != nil:
		return out, fmt.Errorf("verify: %w", err)
	case v.Identities.Given():
		return Verification{}, fmt.Errorf("verify %s: the stored bytes are those of the manifest, and nothing inside was checked: %w", found.Manifest.ID, seal.ErrNoIdentity)
	default:
		out.add(checkObject, true, "the stored bytes are those of the manifest; they are encrypted and no identity was given, so that nothing inside was checked")
		// It is no level of proof, and says when the bytes were read.
		v.store(ctx, found, snapshot.Check{Name: checkObject, OK: true, Detail: "the stored bytes are those of the manifest"})
	}
	out.conclude()
	return out, nil
}

// damaged concludes from a reading that found damage. Bytes that are not those that were stored, and data that are gone, are read once more,
// some time later, before they are called damaged and noted. If the second reading finds anything else, the snapshot could not be checked.
func (v *Verifier) damaged(ctx context.Context, found stores.Found, out Verification, first error) (Verification, error) {
	if errors.Is(first, catalog.ErrOtherBytes) {
		v.Log.Info("snapshot read once more", "snapshot", found.Manifest.ID, "store", found.Store.Name, "reason", snapshot.Damage(first))
		if err := cancellation.Wait(ctx, v.Apart); err != nil {
			return Verification{}, fmt.Errorf("verify %s: %w", found.Manifest.ID, err)
		}
		second := v.secondReading(ctx, found)
		if !errors.Is(second, catalog.ErrOtherBytes) || second.Error() != first.Error() {
			// The first reading is told and not wrapped: it may not have been the snapshot's fault.
			return Verification{}, fmt.Errorf("verify %s: it could not be checked: one reading found: %s; the next: %w",
				found.Manifest.ID, snapshot.Damage(first), cmp.Or(second, errSound))
		}
	}
	out.add(checkObject, false, snapshot.Damage(first))
	v.note(ctx, found, out)
	return out, nil
}

// errSound is what a second reading found that found nothing wrong.
var errSound = errors.New("the stored bytes are those of the manifest")

// secondReading reads the stored bytes once more, if the snapshot is still there. A snapshot that was removed meanwhile is not damaged.
func (v *Verifier) secondReading(ctx context.Context, found stores.Found) error {
	if _, err := found.Store.Catalog.Find(ctx, found.Entry.ID); err != nil {
		return err
	}
	return found.Store.Catalog.Holds(ctx, found.Manifest)
}

// note stores what a read-back found, good or bad: prune counts on no snapshot that was found damaged.
func (v *Verifier) note(ctx context.Context, found stores.Found, out Verification) {
	check := snapshot.Check{Name: snapshot.CheckReadBack, OK: true}
	if failed, found := firstDamage(out.Checks); found {
		check.OK, check.Detail = false, failed.Name+": "+failed.Detail
	} else if i := slices.IndexFunc(out.Checks, func(c snapshot.Check) bool { return c.Name == snapshot.CheckReadBack }); i >= 0 {
		check.Detail = out.Checks[i].Detail
	}
	v.store(ctx, found, check)
}

// store stores a proof beside its snapshot. A store that does not let this host write proofs takes nothing from the result.
func (v *Verifier) store(ctx context.Context, found stores.Found, check snapshot.Check) {
	proof := catalog.Proof{ID: found.Manifest.ID, At: time.Now(), Check: check, Tool: v.Tool}
	if err := found.Store.Catalog.NoteProof(ctx, proof); err != nil {
		v.Log.Warn("proof not stored", "snapshot", found.Manifest.ID, "store", found.Store.Name, "error", err)
	}
}
