package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/extract"
	"github.com/etcdward/etcdward/agent/extract/unlock"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// extraction is what the flags of extract say.
type extraction struct {
	extract.Extractor
	output, file, identity, encryption string
	from                               wire.Selection
}

func extractCommand(cli *cli) *cobra.Command {
	var x extraction
	cmd := &cobra.Command{
		Use:   "extract [ID | latest | --file PATH] --output DIR [--namespace NAME | --prefix PREFIX]",
		Short: "Write the objects of a snapshot as files that kubectl reads",
		Long: "Verifies a snapshot and writes the keys that exist at its newest revision into a folder that is empty or does not exist yet,\n" +
			"one file for each: YAML for objects of Kubernetes (JSON, where YAML cannot hold one), otherwise the bytes as stored. The\n" +
			"folder's index.jsonl names every key and its file. Neither etcd nor an API server is needed, and none is touched. Secrets are\n" +
			"written readably, for the owner alone.\n\n" +
			"Without --for-apply everything is written as it is stored. With it, objects are written as kubectl apply takes them in a\n" +
			"cluster that has them no longer: without uid, resourceVersion, status and the like, in a version that the API servers of the\n" +
			"snapshot serve, in folders that are numbered in the order of applying; and without what a control plane keeps for itself or\n" +
			"makes again.\n\n" +
			"Exit codes: 0; 3 the snapshot is damaged, or some values are encrypted at rest, are no objects that this version knows, hold\n" +
			"more than their file, or are of a version that no API server is known to serve; 4 no such snapshot; 1 nothing is selected, the\n" +
			"keys of --encryption-config open nothing, or the folder could not be written.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := stores.Latest
			if len(args) > 0 {
				ref = args[0]
			}
			if err := x.check(len(args) > 0); err != nil {
				return fault.Usage(fmt.Errorf("extract: %w", err))
			}
			if err := cli.extract(cmd.Context(), ref, x); err != nil {
				return terminal.LineError{Err: err}
			}
			return nil
		},
	}
	f := cmd.Flags()
	// Here --output is a path, as with fetch; -o stays the format.
	f.StringVar(&x.output, "output", "", "the folder to write; it must be empty, or not exist yet")
	f.StringVar(&x.Selection.Namespace, "namespace", "", "this namespace alone: what is in it, and the namespace itself")
	f.StringVar(&x.Selection.Prefix, "prefix", extract.Registry, "the keys that begin so; with --namespace: where the API server keeps everything")
	f.BoolVar(&x.ForApply, "for-apply", false, "write what kubectl apply takes, in its order: without uid, resourceVersion, status, owners, and what the cluster makes itself")
	f.StringVar(&x.file, "file", "", "read this file: plain, or compressed and encrypted as stores hold it; no configuration is needed")
	f.StringVar(&x.encryption, "encryption-config", "", "the EncryptionConfiguration of the API servers, to read what is encrypted at rest")
	f.StringVar(&x.identity, "identity", "", "age identity file, for encrypted snapshots")
	selectionFlags(f, &x.from)
	return cmd
}

// check looks for what cannot be meant.
func (x extraction) check(hasRef bool) error {
	switch {
	case x.output == "":
		return errors.New("--output DIR is needed")
	case x.file != "" && hasRef:
		return errors.New("give an ID or --file, not both")
	case x.file != "" && x.from != wire.Selection{}:
		return errors.New("--file is read from no store: leave out --store and --at")
	case strings.Contains(x.Selection.Namespace, "/"):
		return fmt.Errorf("--namespace: %q is no name", x.Selection.Namespace)
	case x.Selection.Prefix == "":
		return errors.New("--prefix: it is empty; / takes every key of Kubernetes")
	}
	return nil
}

func (cli *cli) extract(ctx context.Context, ref string, x extraction) (err error) {
	keys, err := identities(x.identity)
	if err != nil {
		return err
	}
	if x.encryption != "" {
		if x.Keys, err = unlock.Load(x.encryption); err != nil {
			return fmt.Errorf("extract: %w", err)
		}
	}
	show, clear := cli.newProgress()
	defer clear()
	source, err := cli.extractFrom(ctx, ref, x, &fetch.Fetcher{Identities: keys, Progress: show})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	x.Progress = show
	outcome, err := x.Run(ctx, source.Path, x.output)
	if err != nil {
		return err
	}
	return errors.Join(cli.printExtraction(source, x.output, outcome), source.Finding())
}

// extractFrom makes the snapshot ready that is read: a file as it is, which needs no configuration, or one from the stores.
func (cli *cli) extractFrom(ctx context.Context, ref string, x extraction, job *fetch.Fetcher) (source fetch.Plain, err error) {
	if x.file != "" {
		if source, err = job.FromFile(ctx, x.file); err != nil {
			return source, fmt.Errorf("extract %s: %w", x.file, err)
		}
		return source, nil
	}
	h, found, done, err := cli.find(ctx, ref, x.from)
	if err != nil {
		return source, err
	}
	defer done(&err)
	area, err := h.Staging()
	if err != nil {
		return source, err
	}
	if source, err = job.FromStore(ctx, found, area, "extract"); err != nil {
		return source, fetchError{err}
	}
	return source, nil
}
