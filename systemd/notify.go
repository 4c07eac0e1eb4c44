// Package systemd tells the service manager and its journal how the daemon fares. It knows their protocols, and
// nothing of what the daemon does: jobs, snapshots and stores reach it as text.
//
// Its one invariant: outside of systemd every call is without effect and without error.
package systemd

import (
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Ready says that start-up, or a reload, is over: units that wait for this one may go on.
func Ready() error { return tell("READY=1") }

// Reloading says that the configuration is being read again; [Ready] ends it. systemd from 253 on wants to know
// when that was by the clock that does not jump.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read monotonic clock: %w", err)
	}
	return tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}

// Stopping says that the daemon ends on purpose.
func Stopping() error { return tell("STOPPING=1") }

// Status sets the line that systemctl status shows. Line breaks become blanks: a second line would be read as
// another message.
func Status(line string) error {
	return tell("STATUS=" + strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r < ' ' }), " "))
}

// tell sends one message, where somebody listens.
func tell(message string) error {
	if _, err := daemon.SdNotify(false, message); err != nil {
		variable, _, _ := strings.Cut(message, "=")
		return fmt.Errorf("notify systemd of %s: %w", variable, err)
	}
	return nil
}
