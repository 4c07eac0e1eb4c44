package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRPMLife has rpm install, upgrade and erase the package, its scripts run for real. What happens to an agent is
// TestPackageLife's; rpm's own users differ in what removal leaves.
func TestRPMLife(t *testing.T) {
	older, newer := packages(t)
	t.Parallel()
	c := Boot(t, "bookworm")
	c.Run("apt-get", "update")
	c.Run("apt-get", "install", "-y", "--no-install-recommends", "rpm")
	rpm := func(folder string, args ...string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(folder, "repo/yum/x86_64/*.rpm"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", folder, found, err)
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		c.Write("/root/etcdward.rpm", string(text), 0o644)
		// rpm does not know that dpkg installed systemd.
		return c.Run(append(append([]string{"rpm"}, args...), "--nodeps", "/root/etcdward.rpm")...)
	}
	show := func(property string) string {
		t.Helper()
		return strings.TrimSpace(c.Run("systemctl", "show", "--value", "-p", property, "etcdward"))
	}

	if said := rpm(older, "--install"); !strings.Contains(said, "installed and not started") {
		t.Errorf("it said:\n%s", said)
	}
	if mode := strings.TrimSpace(c.Run("stat", "-c", "%U %a", "/var/lib/etcdward")); mode != "etcdward 700" || show("UnitFileState") != "disabled" || show("ActiveState") != "inactive" {
		t.Errorf("after install the state folder is %s, the unit %s and %s", mode, show("UnitFileState"), show("ActiveState"))
	}
	c.Run("mkdir", "/srv/backups")
	c.Write("/etc/etcdward/config.yaml", "cluster: {name: prod, endpoints: [\"http://127.0.0.1:1\"]}\nstores: [{name: nas, directory: {path: /srv/backups}}]\nmetrics: {listen: off}\n", 0o644)
	c.Run("systemctl", "enable", "--now", "etcdward.service", "etcdward-certs.path")
	pid := show("MainPID")

	rpm(newer, "--upgrade")
	c.Await(bootTime, "the new version", func() bool {
		return show("MainPID") != pid && strings.Contains(c.Run("journalctl", "-u", "etcdward", "-o", "cat"), "etcdward started version=0.1.1")
	})
	if text := c.Run("cat", "/etc/etcdward/config.yaml"); !strings.Contains(text, "name: prod") {
		t.Errorf("the upgrade replaced the configuration:\n%s", text)
	}
	if state := show("UnitFileState"); state != "enabled" {
		t.Errorf("after the upgrade the unit is %s", state)
	}

	c.Run("rpm", "--erase", "etcdward")
	if c.Exists("/usr/bin/etcdward") || c.Exists("/etc/etcdward/config.yaml") || !c.Exists("/etc/etcdward/config.yaml.rpmsave") || !c.Exists("/var/lib/etcdward") {
		t.Error("after erase: the program is there, or the edited configuration or the state is not kept")
	}
	if state := show("ActiveState"); state != "inactive" && state != "failed" {
		t.Errorf("after erase the agent is %s", state)
	}
	if links := c.Run("sh", "-c", "find /etc/systemd/system -name 'etcdward*'"); links != "" {
		t.Errorf("after erase there are links:\n%s", links)
	}
}
