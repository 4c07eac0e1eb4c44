package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// defragOptions are the flags of defrag.
type defragOptions struct {
	dryRun, force bool
	member        string
}

func defragCommand(cli *cli) *cobra.Command {
	var o defragOptions
	cmd := &cobra.Command{
		Use:   "defrag",
		Short: "Give the empty space of the members' database files back, one member at a time, now",
		Long: "Defragments the members that are worth it by the thresholds of the configuration: followers first, the leader last, after it\n" +
			"has handed over. No window applies. It begins nothing while the cluster is not whole, and stops at the first failure. While\n" +
			"NOSPACE is raised it compacts first, and disarms the alarm when every member is below its quota.\n\n" +
			"Exit codes: 0 done, or nothing worth it; 1 failed, or the members' data differ; 3 a member was left for another reason than\n" +
			"too little to gain.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.defrag(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the plan with its reasons, and do nothing")
	cmd.Flags().StringVar(&o.member, "member", "", "only this member, even if the cluster stops meanwhile because it has only one or two")
	cmd.Flags().BoolVar(&o.force, "force", false, "defragment below the thresholds too, and on versions with the defect of etcd issue #20271; no other guard is lifted")
	return cmd
}

// defragReport is `defrag -o json`.
type defragReport struct {
	DryRun     bool              `json:"dry_run"`
	Members    []defraggedMember `json:"members"` // those that were done, in their order
	Plan       []defragStep      `json:"plan"`    // the last one, which says why each other member was left
	Compaction *compactedHistory `json:"compaction,omitempty"`
	Disarmed   []string          `json:"disarmed"`
}

type defraggedMember struct {
	Name        string  `json:"name"`
	BytesBefore int64   `json:"bytes_before"`
	BytesAfter  int64   `json:"bytes_after"`
	BytesInUse  int64   `json:"bytes_in_use"`
	Seconds     float64 `json:"seconds"`
	LedBefore   string  `json:"led_before"`
	LedDuring   string  `json:"led_during"`
	LedAfter    string  `json:"led_after"`
}

type defragStep struct {
	Name             string  `json:"name"`
	Verdict          string  `json:"verdict"`
	Reason           string  `json:"reason"`
	ReclaimableBytes int64   `json:"reclaimable_bytes"`
	EstimateSeconds  float64 `json:"estimate_seconds"`
}

func (cli *cli) defrag(ctx context.Context, o defragOptions) (err error) {
	h, done, err := cli.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	care, err := h.Upkeep()
	if err != nil {
		return err
	}
	care.Defragmenter.Rules.Force, care.Defragmenter.Rules.Only = o.force, o.member
	act := care.DefragNow
	if o.dryRun {
		act = care.PlanDefrag
	}
	out, err := act(ctx)
	if o.dryRun && errors.Is(err, agent.ErrPartial) {
		err = fault.Reported(err) // the plan tells it
	}
	if errors.Is(err, defrag.ErrNoMember) {
		return fault.Usage(fmt.Errorf("flag --member: %w", err))
	}
	if len(out.Plan.Steps)+len(out.Members) == 0 {
		return err
	}
	return errors.Join(cli.printDefrag(out, o.dryRun), err)
}

func (cli *cli) printDefrag(out defrag.Outcome, dryRun bool) error {
	r := defragReport{DryRun: dryRun, Members: []defraggedMember{}, Plan: []defragStep{}, Disarmed: append([]string{}, out.Disarmed...)}
	for _, m := range out.Members {
		r.Members = append(r.Members, defraggedMember{m.Name, m.Before, m.After, m.InUse, m.Took.Seconds(), m.LedBefore, m.LedDuring, m.LedAfter})
	}
	for _, s := range out.Plan.Steps {
		r.Plan = append(r.Plan, defragStep{s.Member.Name, string(s.Verdict), s.Reason, s.Reclaimable, s.Estimate.Seconds()})
	}
	if c := out.Compaction; c != nil {
		r.Compaction = &compactedHistory{From: c.From, To: c.To, Revisions: c.Revisions, Reason: c.Reason}
	}
	if cli.json() {
		return cli.printJSON(r)
	}
	return cli.defragTables(r)
}

func (cli *cli) defragTables(r defragReport) error {
	if c := r.Compaction; c != nil && c.To > c.From {
		fmt.Fprintf(cli.out, "Compacted %s: %s.\n", span(c.From, c.To), c.Reason)
	} else if c != nil {
		fmt.Fprintf(cli.out, "Nothing was compacted: %s.\n", c.Reason)
	}
	if len(r.Members) > 0 {
		rows := [][]string{{"MEMBER", "BEFORE", "AFTER", "IN USE", "SECONDS", "LED BEFORE", "LED MEANWHILE"}}
		for _, m := range r.Members {
			rows = append(rows, []string{m.Name, terminal.Bytes(m.BytesBefore), terminal.Bytes(m.BytesAfter), terminal.Bytes(m.BytesInUse), fmt.Sprintf("%.1f", m.Seconds), m.LedBefore, m.LedDuring})
		}
		if err := terminal.Table(cli.out, rows); err != nil {
			return err
		}
	}
	rows := [][]string{{"MEMBER", "", "WHY"}}
	for _, s := range r.Plan {
		if s.Verdict != string(defrag.Done) {
			rows = append(rows, []string{s.Name, s.Verdict, s.Reason})
		}
	}
	if len(rows) > 1 {
		if err := terminal.Table(cli.out, rows); err != nil {
			return err
		}
	}
	for _, name := range r.Disarmed {
		fmt.Fprintf(cli.out, "NOSPACE disarmed on %s.\n", terminal.Escape(name))
	}
	return nil
}
