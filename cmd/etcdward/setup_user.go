package main

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// daemonUser is the user as whom the daemon of this host will run; false where this process cannot act for it.
func (s *setup) daemonUser() (*user.User, bool) {
	if s.root != "/" || os.Geteuid() != 0 {
		return nil, false
	}
	u, err := user.Lookup("etcdward")
	return u, err == nil
}

// asUser does something with files as another user would: what is made belongs to that user, and what that user may not do
// fails. It is for file systems alone.
func asUser(u *user.User, do func() error) error {
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
	return asUserIn(uid, gid, groups, do)
}

func asUserIn(uid, gid int, groups []uint32, do func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is never unlocked: it ends with the goroutine, and takes what it became along.
		runtime.LockOSThread()
		if err := become(uid, gid, groups); err != nil {
			done <- fmt.Errorf("become %d:%d: %w", uid, gid, err)
			return
		}
		done <- do()
	}()
	return <-done
}

// groupsOf are the groups that systemd gives a unit of this user: an operator may have added it to that of a file.
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

// become makes this thread, and no other, look at files as a user does.
func become(uid, gid int, groups []uint32) error {
	list := append(groups, uint32(gid)) // never empty, so that it has a first
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(list)), uintptr(unsafe.Pointer(&list[0])), 0); errno != 0 {
		return errno
	}
	// These calls report no failure; asked with an impossible id they tell what is in force.
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
