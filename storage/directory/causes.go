package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// known is one cause of a refusal of the file system. {path} stands for the folder, {kind} for what is mounted there.
type known struct {
	errnos    []error
	says, try string
	kind      error
}

var causes = []known{
	{errnos: []error{unix.ENOSPC}, says: "the file system of the store is full", try: "make room on {path}, or keep less: see retention, and etcdward prune"},
	{errnos: []error{unix.EDQUOT}, says: "the quota on the file system of the store is used up", try: "raise the quota of the user etcdward on {path}, or keep less: see retention, and etcdward prune"},
	{errnos: []error{unix.EFBIG}, says: "the file is larger than the file system ({kind}) takes", kind: storage.ErrSetup, try: "FAT ends at 4 GiB: put the store on another file system"},
	{errnos: []error{unix.EROFS}, says: "the file system of the store is mounted for reading only", kind: storage.ErrDenied, try: "mount it for writing; if the kernel made it so, look for errors of the disk in dmesg"},
	{errnos: []error{unix.EACCES, unix.EPERM}, says: "access denied by the store", kind: storage.ErrDenied,
		try: "let the folder and all in it belong to the user of the agent: chown -R etcdward: {path}; the folders above it have to let that user through; a share may map users"},
	{errnos: []error{unix.ENOKEY, unix.EKEYEXPIRED, unix.EKEYREVOKED, unix.EKEYREJECTED}, says: "the share asks for a key or a ticket that is missing or has expired", kind: storage.ErrSetup,
		try: "renew the ticket of Kerberos that {path} is mounted with, or unlock the encrypted folder"},
	{errnos: []error{unix.ESTALE}, says: "the server of the share no longer knows this folder", kind: storage.ErrAway, try: "umount {path}, and mount it again"},
	{errnos: []error{unix.ENOTCONN, unix.ESHUTDOWN, unix.ECONNABORTED}, says: "the program that serves this mount has ended", kind: storage.ErrAway, try: "umount -l {path}, and mount it again"},
	{errnos: []error{unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ETIMEDOUT, unix.ECONNREFUSED, unix.ECONNRESET, unix.ENETDOWN}, says: "the server of the share does not answer", kind: storage.ErrAway,
		try: "look at the server and the network behind {path}"},
	{errnos: []error{unix.EIO, unix.EREMOTEIO, unix.EUCLEAN, unix.EBADMSG, unix.ENODATA}, says: "the disk, or the share, fails", try: "look for errors of it in dmesg; do not trust what lies on it before it is checked"},
	{errnos: []error{unix.ENODEV, unix.ENXIO, unix.ENOMEDIUM}, says: "the disk of the store is no longer there", kind: storage.ErrAway, try: "plug it in again, and mount {path}"},
	{errnos: []error{unix.ENOTDIR}, says: "something that is no folder is in the way", kind: storage.ErrSetup, try: "give a path of folders alone; a file on it has to go"},
	{errnos: []error{unix.ELOOP}, says: "symbolic links of the path lead in a circle, or out of the store", kind: storage.ErrSetup, try: "give the path without links"},
	{errnos: []error{unix.ENAMETOOLONG}, says: "the file system ({kind}) does not take a name of this length", kind: storage.ErrSetup, try: "use a shorter cluster.name or path, or another file system (ecryptfs ends at 143 bytes)"},
	{errnos: []error{unix.EILSEQ}, says: "the file system ({kind}) does not take this name", kind: storage.ErrSetup, try: "mount it with utf8"},
	{errnos: []error{unix.EMFILE, unix.ENFILE}, says: "this process, or this host, has too many files open", try: "restart etcdward, and report it"},
	{errnos: []error{unix.ENOLCK}, says: "the share gives no locks", kind: storage.ErrSetup, try: "start the lock service of the share (rpc-statd for NFS 3), or mount it with nolock"},
	{errnos: []error{unix.EMLINK}, says: "the folder holds more folders than the file system takes", try: "use another file system"},
	{errnos: []error{unix.ENOMEM}, says: "this host is out of memory", try: "look at what uses it: free, top"},
	{errnos: []error{unix.EBUSY, unix.ETXTBSY}, says: "the file system says that the file is in use", try: "let no other program work in {path}"},
}

// explain puts an error of the file system into the words of package storage.
func (b *Bucket) explain(verb, key string, err error) error {
	var at *fs.PathError
	var cause *storage.Cause
	if errors.As(err, &at) && !errors.As(err, &cause) {
		err = at.Err // our own verb and key say more
	}
	if cause == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		err = b.cause(err)
	}
	return fmt.Errorf("%s %s: %w", verb, key, err)
}

// cause finds what an error comes from. What nobody knows stays as the system has it.
func (b *Bucket) cause(err error) error {
	for _, k := range causes {
		for _, errno := range k.errnos {
			if errors.Is(err, errno) {
				return &storage.Cause{Says: b.fill(k.says), Try: b.fill(k.try), Kind: k.kind, Err: err}
			}
		}
	}
	return err
}

// fill puts the folder of the store, and what is mounted there, into a text.
func (b *Bucket) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return strings.NewReplacer("{path}", b.path, "{kind}", mounted(b.path)).Replace(text)
}
