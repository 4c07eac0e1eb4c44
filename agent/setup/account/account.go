// Package account is the user as whom the agent of a host runs: what it can read, and how to act as it. It does not know what the agent
// reads, nor what its unit hides from it.
//
// Its one invariant: acting as the user changes the rights of one thread, which ends with the act. This process keeps its own.
package account

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/setup/hostfs"
)

// Name is what the user is called.
const Name = "etcdward"

// Find returns the user of a host; false if this process cannot act as it.
func Find(host *hostfs.Host) (*user.User, bool) {
	if !host.Live() || os.Geteuid() != 0 {
		return nil, false
	}
	u, err := user.Lookup(Name)
	return u, err == nil
}

// As does something with files as another user would: what is made belongs to that user, and what that user may not do fails. It
// covers nothing but file systems.
func As(u *user.User, do func() error) error {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return fmt.Errorf("user %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return fmt.Errorf("user %s: %w", u.Username, err)
	}
	groups, err := groupsOf(u)
	if err != nil {
		return fmt.Errorf("user %s: %w", u.Username, err)
	}
	return as(uid, gid, groups, do)
}

func as(uid, gid int, groups []uint32, do func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is never unlocked, so that it ends with the goroutine and nobody else runs on it with these rights.
		runtime.LockOSThread()
		if err := become(uid, gid, groups); err != nil {
			done <- fmt.Errorf("become %d:%d: %w", uid, gid, err)
			return
		}
		done <- do()
	}()
	return <-done
}

// groupsOf returns the groups that systemd gives a unit of this user. An operator may have added the user to the group of a file.
func groupsOf(u *user.User) ([]uint32, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	groups := make([]uint32, len(ids), len(ids)+1)
	for i, id := range ids {
		gid, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		groups[i] = uint32(gid)
	}
	return groups, nil
}

// become gives this thread, and no other, the rights of a user to files.
func become(uid, gid int, groups []uint32) error {
	list := append(groups, uint32(gid)) // never empty, so that it has a first
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(list)), uintptr(unsafe.Pointer(&list[0])), 0); errno != 0 {
		return errno
	}
	// These calls report no failure. Called with an impossible id they return the one that is in force.
	for _, set := range []struct {
		id  int
		set func(int) (int, error)
	}{{gid, unix.SetfsgidRetGid}, {uid, unix.SetfsuidRetUid}} {
		if _, err := set.set(set.id); err != nil {
			return err
		}
		if now, err := set.set(-1); err != nil || now != set.id {
			return unix.EPERM
		}
	}
	return nil
}
