package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/restore"
)

func init() {
	// The child that restores; see TestMain for the others.
	restore.ChildMain()
}

// restore calls the command line in this process, with input.
func (s site) restore(t *testing.T, input string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	inv := &invocation{stdio: stdio{strings.NewReader(input), &out, &errs}}
	root := newRoot(inv)
	if found, _, err := root.Find([]string{"restore"}); err != nil || found == root {
		root.AddCommand(restoreCommand(inv))
	}
	root.SetArgs(append([]string{"--config", s.config, "--state-dir", s.state, "restore"}, args...))
	root.SetIn(inv.in)
	root.SetOut(&out)
	root.SetErr(&errs)
	ctx := context.Background()
	code := inv.conclude(ctx, root.ExecuteContext(ctx))
	return result{code, out.String(), errs.String()}
}
