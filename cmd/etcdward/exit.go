package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/drill"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/cmd/etcdward/signals"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/storage"
)

// Exit codes. 2 is what Go's own crashes end with.
const (
	exitOK          = 0
	exitFailed      = 1
	exitFindings    = 3
	exitNotFound    = 4
	exitUsage       = 64
	exitConfig      = 78
	exitInterrupted = 130
)

// exitCode returns the exit code that tells a script what an error means.
func exitCode(ctx context.Context, err error) int {
	var gone signals.Hangup
	switch {
	case err == nil:
		return exitOK
	case fault.IsUsage(err):
		return exitUsage
	case fault.IsConfig(err):
		return exitConfig
	case ctx.Err() != nil && errors.Is(err, context.Canceled), errors.As(err, &gone):
		return exitInterrupted
	case errors.Is(err, agent.ErrPartial), errors.Is(err, snapshot.ErrDamaged), errors.Is(err, drill.ErrFailed):
		return exitFindings
	case errors.Is(err, catalog.ErrNotFound):
		return exitNotFound
	}
	return exitFailed
}

// hints are the hints for errors that do not bring their own.
var hints = []struct {
	is   error
	hint string
}{
	{catalog.ErrOtherCluster, "if the cluster was rebuilt or restored, repeat with etcdward snapshot --accept-new-cluster; if it is another cluster, give it another cluster.name"},
	{catalog.ErrIdentity, "compare cluster.json with that of another store and correct it; if its snapshots are of this cluster, remove it, and the next snapshot writes it again"},
	{catalog.ErrNotFound, "etcdward list shows what there is"},
	{seal.ErrNoIdentity, "repeat with --identity FILE, the age identity that belongs to one of snapshot.recipients"},
	{staging.ErrNoSpace, "make room on that disk, or give --state-dir on a larger one"},
	// This comes before ErrUnreachable, because an error may wrap both if all endpoints refuse the user.
	{etcd.ErrAuthFailed, "check cluster.username and cluster.password_file"},
	{etcd.ErrDenied, "etcd's authentication is on: cluster.username needs the role root"},
	{etcd.ErrUnreachable, "check cluster.endpoints and the certificates with etcdward config show; is etcd running?"},
	{etcd.ErrNoSource, "etcdward status shows the members; etcdward needs one healthy voter"},
	{snapshot.ErrDamaged, "do not restore from it; etcdward list shows the others"},
	{fs.ErrPermission, "run it as root"},
	{storage.ErrKeys, "the access key, or its secret, is wrong: put the right ones into the store's credentials"},
	{errors.ErrUnsupported, "an S3 bucket with versioning, and GCS, can be read as they were; without --at the store is read as it is now"},
	{storage.ErrDenied, "give these credentials the rights of a policy in /usr/share/etcdward/iam; pruning needs those of a pruner"},
}

func hintFor(err error) string {
	if hint := fault.Hint(err); hint != "" {
		return hint
	}
	for _, known := range hints {
		if errors.Is(known.is, fs.ErrPermission) && os.Geteuid() == 0 {
			continue
		}
		if errors.Is(err, known.is) {
			return known.hint
		}
	}
	return ""
}

// conclude prints what went wrong, once, and returns the exit code.
func (cli *cli) conclude(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	var invalid *config.Invalid
	switch {
	case err == nil || fault.IsReported(err):
	case cli.json():
		text, jerr := json.Marshal(map[string]any{"error": map[string]any{"code": code, "message": err.Error(), "hint": hintFor(err)}})
		if jerr != nil {
			text = []byte(jerr.Error())
		}
		fmt.Fprintf(cli.err, "%s\n", text)
	case errors.As(err, &invalid):
		fmt.Fprintln(cli.err, invalid) // each line names its own place in the file in the file
	default:
		screen := terminal.NewScreen(cli.err)
		// Errors that were joined: each is one.
		for line := range strings.Lines(err.Error()) {
			screen.Say("", "etcdward: "+strings.TrimRight(line, "\n"))
		}
		if hint := hintFor(err); hint != "" {
			screen.Say("Try: ", hint)
		}
	}
	return code
}
