// Package systemd tells the service manager and its journal about the daemon's state. It knows their protocols,
// and nothing about what the daemon does: jobs, snapshots and stores reach it as text.
//
// Its one invariant: outside systemd every call has no effect and returns no error.
package systemd

import (
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Ready tells systemd that the start-up or a reload is over, so that units that wait for this one may go on.
func Ready() error { return tell("READY=1") }

// Reloading tells systemd that the configuration is being read again; [Ready] ends this state. From version 253
// on, systemd requires the time by the monotonic clock.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read monotonic clock: %w", err)
	}
	return tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}

// Stopping tells systemd that the daemon ends on purpose.
func Stopping() error { return tell("STOPPING=1") }

// Status sets the line that systemctl status shows. Line breaks become spaces, because systemd would read a
// second line as another message.
func Status(line string) error {
	return tell("STATUS=" + strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r < ' ' }), " "))
}

// tell sends one message, if somebody listens.
func tell(message string) error {
	if _, err := daemon.SdNotify(false, message); err != nil {
		variable, _, _ := strings.Cut(message, "=")
		return fmt.Errorf("notify systemd of %s: %w", variable, err)
	}
	return nil
}
