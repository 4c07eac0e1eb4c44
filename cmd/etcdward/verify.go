package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

func verifyCommand(cli *cli) *cobra.Command {
	var file, identity string
	var sel wire.Selection
	cmd := &cobra.Command{
		Use:   "verify [ID | latest | --file PATH]",
		Short: "Make all checks on a snapshot; reads the whole object back",
		Long: "Makes every check that can be made on a stored snapshot (the latest one by default) or on a file: plain, as etcdctl\n" +
			"wrote it, or compressed and encrypted, as stores hold it.\n\n" +
			"Exit codes: 0 every check held; 3 damaged, not proven, unproven (a bare database: its pages hold, nothing proves its bytes), or passed over for damage: a newer one, or the same one in another store; 4 no such snapshot;\n" +
			"1 it could not be checked.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := stores.Latest
			if len(args) > 0 {
				ref = args[0]
			}
			if file != "" && len(args) > 0 {
				return fault.Usage(errors.New("verify: give an ID or --file, not both"))
			}
			return cli.verify(cmd.Context(), ref, file, identity, sel)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "check this file; no configuration is needed")
	cmd.Flags().StringVar(&identity, "identity", "", "age identity file, for encrypted snapshots")
	selectionFlags(cmd.Flags(), &sel)
	return cmd
}

func (cli *cli) verify(ctx context.Context, ref, file, identity string, sel wire.Selection) (err error) {
	if file != "" {
		return cli.verifyFile(ctx, file, identity)
	}
	h, found, done, err := cli.find(ctx, ref, sel)
	if errors.Is(err, snapshot.ErrDamaged) {
		return cli.printVerification(verify.Verification{ID: ref, Checks: []snapshot.Check{{Name: "manifest", Detail: err.Error()}}})
	}
	if err != nil {
		return err
	}
	defer done(&err)
	keys, err := identities(identity)
	if err != nil {
		return err
	}
	job, err := h.Verifier(keys)
	if err != nil {
		return err
	}
	result, err := job.Stored(ctx, found)
	if err != nil {
		return err
	}
	print := cli.printVerification(result)
	for _, cause := range found.Passed {
		if errors.Is(cause, snapshot.ErrDamaged) && result.OK {
			print = errors.Join(print, fmt.Errorf("verify %s: %w: %w", ref, agent.ErrPartial, cause))
		}
	}
	return print
}

// verifyFile needs neither a configuration nor a state directory.
func (cli *cli) verifyFile(ctx context.Context, file, identity string) error {
	keys, err := identities(identity)
	if err != nil {
		return err
	}
	show, clear := cli.newProgress()
	defer clear()
	result, err := verify.FileBelowTemp(ctx, file, keys, show)
	if err != nil {
		return err
	}
	return cli.printVerification(result)
}

// printVerification shows the checks. Damage is exit code 3, without a further message.
func (cli *cli) printVerification(v verify.Verification) error {
	var print error
	if cli.json() {
		print = cli.printJSON(v)
	} else {
		print = cli.printChecks(v)
	}
	if v.OK {
		return print
	}
	finding := agent.ErrPartial // nothing speaks against the bytes, and not enough for them
	if v.Damaged() && !snapshot.Unproven(v.Checks) {
		finding = snapshot.ErrDamaged
	}
	return errors.Join(print, fault.Reported(fmt.Errorf("verify %s: %w", v.ID, finding)))
}

func (cli *cli) printChecks(v verify.Verification) error {
	verdict := "SOUND"
	switch {
	case v.Damaged() || len(v.Checks) == 0:
		verdict = "DAMAGED"
	case !v.OK:
		verdict = "NOT PROVEN"
	}
	if snapshot.Unproven(v.Checks) {
		verdict = "UNPROVEN"
	}
	pairs := [][2]string{{"Verdict", verdict}}
	if v.ID != "" {
		pairs = append(pairs, [2]string{"Snapshot", v.ID})
	}
	for _, c := range v.Checks {
		pairs = append(pairs, [2]string{"Check " + c.Name, terminal.OK(c.OK, c.Detail)})
	}
	pairs = append(pairs, undecided(v.Inconclusive, v.OddMembers)...)
	if f := v.Facts; f != nil {
		pairs = append(pairs, [2]string{"Size", fmt.Sprintf("%s (%d bytes)", terminal.Bytes(f.SizeBytes), f.SizeBytes)}, [2]string{"SHA-256", f.SHA256})
		if v.OK {
			pairs = append(pairs,
				[2]string{"Revision", fmt.Sprintf("%d, %s", f.Revision, etcd.Compacted(f.CompactRevision))},
				[2]string{"Keys", fmt.Sprint(f.TotalKeys)},
				[2]string{"Status hash", f.StatusHash},
				[2]string{"Storage version", f.StorageVersion},
				[2]string{"HashKV", fmt.Sprintf("%d at revision %d", f.HashKV.Hash, f.HashKV.Revision)},
			)
		}
	}
	return terminal.Fields(cli.out, pairs...)
}
