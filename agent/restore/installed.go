package restore

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"time"
)

// printedVersion is what `etcd --version` prints.
var printedVersion = regexp.MustCompile(`etcd Version: ([0-9]+\.[0-9]+\.[0-9]+)`)

// InstalledEtcd asks the etcd on this host's path for its version; "" when there is none.
func InstalledEtcd(ctx context.Context) (string, error) {
	path, err := exec.LookPath("etcd")
	if errors.Is(err, exec.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for etcd: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	found := printedVersion.FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("ask %s for its version: it says %.60q", path, out)
	}
	return string(found[1]), nil
}
