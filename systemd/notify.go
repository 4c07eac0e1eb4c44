// Package systemd tells the service manager how the daemon fares. It knows the protocol, and nothing of what
// the daemon does.
//
// Its one invariant: outside of systemd every call is without effect and without error.
package systemd

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready says that start-up is over: units that wait for this one may go on.
func Ready() error { return tell(daemon.SdNotifyReady) }

// Stopping says that the daemon ends on purpose.
func Stopping() error { return tell(daemon.SdNotifyStopping) }

// tell sends one message, where somebody listens.
func tell(message string) error {
	if _, err := daemon.SdNotify(false, message); err != nil {
		return fmt.Errorf("notify systemd %s: %w", message, err)
	}
	return nil
}
