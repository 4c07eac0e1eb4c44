package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/cmd/etcdward/view"
)

func statusCommand(cli *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether the cluster is protected: members, stores, jobs, the newest proven snapshot",
		Long: "Asks the cluster and the stores, reads what the daemon of this host recorded, and gives a verdict.\n\n" +
			"Exit codes: 0 PROTECTED; 3 AT_RISK or UNPROTECTED.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.status(cmd.Context()) },
	}
}

func (cli *cli) status(ctx context.Context) (err error) {
	h, done, err := cli.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	denied := h.Look()
	now := time.Now()
	observer := h.Observer()
	s := observer.Status(ctx, now)
	if ctx.Err() != nil {
		return fmt.Errorf("status: %w", context.Cause(ctx))
	}
	if denied == nil {
		if err := observer.Remember(s, cli.stateDir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			h.Log.Warn("last known proof not written", "error", err)
		}
	}
	if cli.json() {
		err = cli.printJSON(s)
	} else {
		err = view.Status(cli.out, s, now)
	}
	switch {
	case err != nil:
	case denied != nil:
		// What could be seen is shown. Whether the rest is well nobody can tell without the rights.
		err = fmt.Errorf("status: %w", denied)
	case s.Verdict != status.Protected:
		err = fault.Reported(fmt.Errorf("status: %w: %s", agent.ErrPartial, s.Verdict))
	}
	return err
}
