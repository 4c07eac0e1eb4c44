package systemd

import (
	"net"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// listen is a service manager that receives what it is told.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

func received(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 4096)
	n, err := conn.Read(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(message[:n])
}

func TestMessages(t *testing.T) {
	conn := listen(t)
	for _, c := range []struct {
		name string
		tell func() error
		want string
	}{
		{"ready", Ready, `^READY=1$`},
		{"reloading", Reloading, `^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$`},
		{"stopping", Stopping, `^STOPPING=1$`},
		{"status", func() error { return Status("all is well") }, `^STATUS=all is well$`},
		{"status of two lines", func() error { return Status("bad\nREADY=1\r\n") }, `^STATUS=bad READY=1$`},
	} {
		if err := c.tell(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := received(t, conn); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: told %q, want %s", c.name, got, c.want)
		}
	}
}

// TestOutside holds the invariant: without systemd nothing happens and nothing fails.
func TestOutside(t *testing.T) {
	for _, variable := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM"} {
		t.Setenv(variable, "")
	}
	for name, tell := range map[string]func() error{"ready": Ready, "reloading": Reloading, "stopping": Stopping} {
		if err := tell(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if interval, err := WatchdogInterval(); interval != 0 || err != nil {
		t.Errorf("watchdog %s, %v", interval, err)
	}
	if UnderJournal() {
		t.Error("under a journal that is not there")
	}
}

func TestDeafManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if err := Ready(); err == nil || !regexp.MustCompile(`^notify systemd of READY: `).MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
}
