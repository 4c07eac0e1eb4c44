package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/spf13/cobra"
)

func fetchCommand(cli *cli) *cobra.Command {
	var output, identity string
	var sel wire.Selection
	cmd := &cobra.Command{
		Use:   "fetch ID --output PATH",
		Short: "Download, decrypt, decompress and verify a snapshot",
		Long: "Writes the plain snapshot file, as etcdctl would have saved it, ready for etcdutl snapshot restore. ID may be latest.\n" +
			"The file appears under its name only after it is whole and verified; an existing file is never overwritten.\n\n" +
			"Exit codes: 0; 3 damaged; 4 no such snapshot.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("output") || output == "" {
				return fault.Usage(errors.New("fetch: --output PATH is needed"))
			}
			return cli.fetch(cmd.Context(), args[0], output, identity, sel)
		},
	}
	// In this verb --output is a path, as the contract of the command line says; -o is still the format.
	cmd.Flags().StringVar(&output, "output", "", "the file to write; it must not exist")
	cmd.Flags().StringVar(&identity, "identity", "", "age identity file, for encrypted snapshots")
	selectionFlags(cmd.Flags(), &sel)
	return cmd
}

func (cli *cli) fetch(ctx context.Context, ref, output, identity string, sel wire.Selection) (err error) {
	keys, err := identities(identity)
	if err != nil {
		return err
	}
	h, found, done, err := cli.find(ctx, ref, sel)
	if err != nil {
		return err
	}
	defer done(&err)
	job := fetch.Fetcher{Identities: keys, Progress: h.Progress}
	if err := job.Run(ctx, found, output); err != nil {
		return err
	}
	if cli.json() {
		return cli.printJSON(struct {
			ID   string `json:"id"`
			Path string `json:"path"`
			Size int64  `json:"size_bytes"`
			Sum  string `json:"sha256"`
		}{found.Manifest.ID, output, found.Manifest.SizeBytes, found.Manifest.SHA256})
	}
	_, err = fmt.Fprintf(cli.out, "%s: snapshot %s, %d bytes, SHA-256 %s, verified\n", output, found.Manifest.ID, found.Manifest.SizeBytes, found.Manifest.SHA256)
	return err
}
