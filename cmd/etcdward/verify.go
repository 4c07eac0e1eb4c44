package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/cmd/etcdward/view"
)

func verifyCommand(cli *cli) *cobra.Command {
	var file, identity string
	var all bool
	var pass verify.Pass
	var sel wire.Selection
	cmd := &cobra.Command{
		Use:   "verify [ID | latest | --file PATH | --all]",
		Short: "Make all checks on a snapshot; reads the whole object back",
		Long: "Makes every check that can be made on a stored snapshot (the latest one by default) or on a file: plain, as etcdctl\n" +
			"wrote it, or compressed and encrypted, as stores hold it. With --all it reads every snapshot of the stores, the newest first.\n\n" +
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
			if all && (file != "" || len(args) > 0) {
				return fault.Usage(errors.New("verify: give --all, an ID or --file"))
			}
			pass.BytesPerSecond <<= 20
			if all {
				return cli.verifyAll(cmd.Context(), pass, identity, sel)
			}
			return cli.verify(cmd.Context(), ref, file, identity, sel)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "check this file; no configuration is needed")
	cmd.Flags().BoolVar(&all, "all", false, "read every snapshot of every store, or of the one given")
	cmd.Flags().DurationVar(&pass.UnreadFor, "unread-for", 0, "with --all: pass over what was read within this time, such as 24h; so a run that was cut goes on")
	cmd.Flags().Int64Var(&pass.BytesPerSecond, "rate", 0, "with --all: read at most so many MiB a second, on average")
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

func (cli *cli) verifyAll(ctx context.Context, pass verify.Pass, identity string, sel wire.Selection) (err error) {
	keys, err := identities(identity)
	if err != nil {
		return err
	}
	h, done, err := cli.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	all := []verify.Reading{}
	pass.Told = func(r verify.Reading) {
		if all = append(all, r); !cli.json() {
			view.Reading(cli.out, r)
		}
	}
	if err = h.VerifyAll(ctx, sel, keys, pass); cli.json() {
		err = errors.Join(err, cli.printJSON(all))
	}
	return err
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
		print = terminal.Fields(cli.out, view.Checks(v)...)
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
