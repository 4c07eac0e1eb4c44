package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
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
	if err := h.Look(); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	s := h.Observer().Status(ctx, time.Now())
	if ctx.Err() != nil {
		return fmt.Errorf("status: %w", context.Cause(ctx))
	}
	if cli.json() {
		err = cli.printJSON(s)
	} else {
		err = cli.printStatus(s)
	}
	if err == nil && s.Verdict != status.Protected {
		err = fault.Reported(fmt.Errorf("status: %w: %s", agent.ErrPartial, s.Verdict))
	}
	return err
}

func (cli *cli) printStatus(s status.Status) error {
	fmt.Fprintf(cli.out, "%s  cluster %s %s\n", s.Verdict, s.Cluster.Name, s.Cluster.ID)
	for _, reason := range s.Reasons {
		fmt.Fprintf(cli.out, "  - %s\n", terminal.Escape(reason))
	}
	if s.AtWork != "" {
		fmt.Fprintf(cli.out, "At work: %s\n", terminal.Escape(s.AtWork))
	}
	if p := s.LastProven; p != nil {
		fmt.Fprintf(cli.out, "Newest proven: %s in store %s, level %d of 5\n", p.ID, p.Store, p.Level)
	}
	rows := [][]string{{"\nMEMBER", "ROLE", "HEALTHY", "VERSION", "DB SIZE", "IN USE", "REVISION", "RAFT INDEX", "ALARMS"}}
	for _, m := range s.Members {
		rows = append(rows, []string{m.Name, m.Role, terminal.YesNo(m.Healthy), m.Version, terminal.Bytes(m.DBSizeBytes), terminal.Bytes(m.DBInUseBytes),
			fmt.Sprint(m.Revision), fmt.Sprint(m.RaftIndex), strings.Join(m.Alarms, " ")})
	}
	rows = append(rows, []string{"\nSTORE", "KIND", "SNAPSHOTS", "NEWEST PROVEN", "WAITING HERE"})
	for _, st := range s.Stores {
		count := fmt.Sprint(st.Snapshots)
		if st.Error != "" {
			count = "not known"
		}
		rows = append(rows, []string{st.Name, st.Kind, count, terminal.TimeOrDash(st.LastSuccess), fmt.Sprint(st.Spooled)})
	}
	rows = append(rows, []string{"\nJOB", "LAST STARTED", "LAST ENDED", "OUTCOME", "NEXT"})
	for _, j := range s.Jobs {
		outcome := "never ran on this host"
		if j.LastEnded != nil {
			outcome = "ok"
			if !j.OK {
				outcome = "failed"
			}
		}
		rows = append(rows, []string{j.Name, terminal.TimeOrDash(j.LastStarted), terminal.TimeOrDash(j.LastEnded), outcome, terminal.TimeOrDash(j.Next)})
	}
	return terminal.Sections(cli.out, rows)
}
