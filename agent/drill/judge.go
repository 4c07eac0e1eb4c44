package drill

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/child"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// compare holds what the booted etcd answered to what the cluster held when the snapshot was taken, as its manifest has it, and keys, the number that
// was counted in the file. The error wraps ErrFailed.
func compare(got scratch.Reading, m snapshot.Manifest, keys int64) error {
	var wrong []string
	for _, f := range []struct {
		what      string
		got, want int64
	}{
		{"keys", got.Keys, keys},
		{"compact revision", got.CompactRevision, m.HashKV.CompactRevision},
		{"HashKV", int64(got.Hash), int64(m.HashKV.Hash)},
	} {
		if f.got != f.want {
			wrong = append(wrong, fmt.Sprintf("%s %d instead of %d", f.what, f.got, f.want))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: at revision %d the restored etcd has %s", ErrFailed, m.HashKV.Revision, strings.Join(wrong, ", "))
	}
	return nil
}

// inconclusive returns what ended a rehearsal and says nothing about the snapshot: the host's doing, and not that of the bytes. nil: it has an answer.
func inconclusive(failed error) error {
	var death *child.Death
	switch {
	case failed == nil, errors.Is(failed, ErrFailed):
		return nil
	case !errors.As(failed, &death):
		return failed
	case strings.Contains(failed.Error(), unix.ENOSPC.Error()):
		return fault.WithHint(fmt.Errorf("%w: %w", ErrNoRoom, failed), "make room, or drill on another host")
	}
	if end, is := death.End.Sys().(syscall.WaitStatus); is && end.Signaled() && end.Signal() == syscall.SIGKILL {
		return fault.WithHint(fmt.Errorf("%w: the kernel or somebody killed it: %w", ErrNoRoom, failed), "was memory short? dmesg says; else drill on another host")
	}
	return nil
}

// maxDetail bounds what is noted of a failure: the end of an etcd's log may be in it.
const maxDetail = 1500

// verdict is the check of level 5.
func verdict(out Result, failed error) snapshot.Check {
	check := snapshot.Check{Name: snapshot.CheckDrill, OK: failed == nil}
	if failed != nil {
		check.Detail = strings.TrimPrefix(failed.Error(), ErrFailed.Error()+": ")
		if len(check.Detail) > maxDetail {
			check.Detail = check.Detail[:maxDetail] + "…"
		}
		check.Detail = strings.ToValidUTF8(check.Detail, "�")
		return check
	}
	check.Detail = fmt.Sprintf("restored and booted on %s in %s: %d keys read, HashKV %d at revision %d, as the cluster had it", out.Host, out.Seconds.Total(), out.Keys, out.Hash, out.Revision)
	objects, encrypted := out.Census.Total()
	if objects > 0 {
		check.Detail += fmt.Sprintf("; %d objects of %d resources", objects, len(out.Census.Objects))
	}
	if encrypted > 0 {
		check.Detail += fmt.Sprintf(", %d of them encrypted at rest: a restored cluster needs its EncryptionConfiguration", encrypted)
	}
	if n := out.Census.Unreadable; n > 0 {
		// The members hold the same bytes: that is the cluster's matter, and no fault of the snapshot.
		check.Detail += fmt.Sprintf("; %d of the values that were decoded are no objects of Kubernetes, the first of %s", n, out.Census.FirstUnreadable)
	}
	return check
}

// Rows are the result for a person.
func (r Result) Rows() [][2]string {
	word := "PROVEN: restored, booted and read"
	if !r.OK {
		word = "FAILED"
	}
	second := func(s float64) string {
		return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
	}
	rows := [][2]string{{"Drill", word}, {"Snapshot", r.ID + " from store " + r.Store}, {"Detail", r.Check.Detail}}
	if r.OK {
		rows = append(rows, [2]string{"Time to restore", fmt.Sprintf("%s on this host: download %s, decode %s, restore %s, boot %s, read %s", r.Seconds.Total(),
			second(r.Seconds.Download), second(r.Seconds.Decode), second(r.Seconds.Restore), second(r.Seconds.Boot), second(r.Seconds.Read))})
	}
	return rows
}

// Err is the finding of a drill that did not hold; nil if it held.
func (r Result) Err() error {
	if r.OK {
		return nil
	}
	return fmt.Errorf("drill %s: %w: %s", r.ID, ErrFailed, r.Check.Detail)
}
