package main

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"

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
	done := make(chan error, 1)
	go func() {
		// The thread is never unlocked: it ends with the goroutine, and takes what it became along.
		runtime.LockOSThread()
		if err := become(uid, gid); err != nil {
			done <- fmt.Errorf("act as user %s: %w", u.Username, err)
			return
		}
		done <- do()
	}()
	return <-done
}

// become makes this thread, and no other, look at files as a user does.
func become(uid, gid int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
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
