package systemd

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestUnit holds the promises of the unit that no test with a booted systemd would miss.
func TestUnit(t *testing.T) {
	settings := unit(t, "etcdward.service")
	for setting, want := range map[string][]string{
		"Type":                     {"notify"},
		"User":                     {"etcdward"},
		"Restart":                  {"always"},
		"RestartPreventExitStatus": {"78"},
		"StartLimitIntervalSec":    {"0"},
		"LimitCORE":                {"0"},
		"OOMPolicy":                {"continue"},
		"CapabilityBoundingSet":    {""},
		"ProtectSystem":            {"strict"},
		"NoNewPrivileges":          {"yes"},
		"SystemCallFilter":         {"@system-service", "~@privileged @resources"},
		"StateDirectoryMode":       {"0700"},
		// The signal first: the daemon has judged the file by the time the check fails the reload.
		"ExecReload": {`/bin/sh -c "kill -HUP $MAINPID"`, "/usr/bin/etcdward config check"},
	} {
		if !slices.Equal(settings[setting], want) {
			t.Errorf("%s=%q, want %q", setting, settings[setting], want)
		}
	}
	// A file that is not there would fail the start on every host but those of one distribution.
	if credentials := settings["LoadCredential"]; credentials != nil {
		t.Errorf("the unit names credentials: %q", credentials)
	}
	for _, needed := range []string{"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"} {
		if !slices.Contains(strings.Fields(settings["RestrictAddressFamilies"][0]), needed) {
			t.Errorf("the unit cannot use %s", needed)
		}
	}
}

// TestNothingNewerThanTheFloor checks that the units say nothing that systemd 247 does not know.
func TestNothingNewerThanTheFloor(t *testing.T) {
	for _, name := range []string{"etcdward.service", "etcdward-certs.service", "etcdward-certs.path"} {
		settings := unit(t, name)
		for _, newer := range []string{"ExtensionImages", "LoadCredentialEncrypted", "ImportCredential", "NotifySocket", "RestartSteps", "MemoryZSwapMax", "RestrictFileSystems", "OpenFile"} {
			if settings[newer] != nil {
				t.Errorf("%s: %s is newer than systemd 247", name, newer)
			}
		}
		if slices.Contains(settings["Type"], "notify-reload") {
			t.Errorf("%s: Type=notify-reload is newer than systemd 247", name)
		}
	}
}

var setting = regexp.MustCompile(`(?m)^([A-Z][A-Za-z]+)=(.*)$`)

func unit(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string][]string)
	for _, m := range setting.FindAllStringSubmatch(string(text), -1) {
		settings[m[1]] = append(settings[m[1]], m[2])
	}
	return settings
}
