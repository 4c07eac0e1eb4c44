package unit

import (
	"strings"

	"github.com/etcdward/etcdward/agent/setup/hostfs"
)

// Confinement is a folder in which the agent cannot keep backups, whatever its rights are.
type Confinement struct {
	// Option is the option of the unit that hides the folder from the agent; "": the agent sees it, and Why is the reason.
	Option string
	Folder string
	// Why the folder is no place for backups; "": the option hides it.
	Why string
}

// confinements are held to systemd/etcdward.service by a test.
var confinements = []Confinement{
	{"ProtectHome", "/home", ""}, {"ProtectHome", "/root", ""}, {"ProtectHome", "/run/user", ""}, {"ProtectHome", "/var/run/user", ""},
	{"PrivateTmp", "/tmp", ""}, {"PrivateTmp", "/var/tmp", ""},
	{"PrivateDevices", "/dev", ""},
	{"", "/proc", "it holds no files"},
	{"", "/sys", "it holds no files"},
	{"", "/run", "it is memory, and empty after a boot"},
	{"", "/var/run", "it is memory, and empty after a boot"},
	{"", "/var/lib/etcdward", "that is the agent's own folder: backups there would share its disk, and go with it when the package is purged"},
}

// Confined returns the confinement that applies to a path of the host, also if it leads there by a link.
func (d *DropIn) Confined(host *hostfs.Host, path string) (Confinement, bool) {
	real := host.RealPath(path)
	for _, c := range confinements {
		if d.others.lifted[c.Option] {
			continue
		}
		if within(path, c.Folder) || within(real, host.RealPath(c.Folder)) {
			return c, true
		}
	}
	return Confinement{}, false
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
