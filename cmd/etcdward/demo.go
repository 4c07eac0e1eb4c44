package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/cmd/etcdward/demo"
)

func demoCommand(cli *cli) *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole life of a backup on a throw-away cluster, in about a minute",
		Long: "Starts an etcd cluster of three members on this host's loopback, fills it with what Kubernetes would write, and lets\n" +
			"the agent do its work on it: with its own code, a configuration file, and a directory as store.\n" +
			"With --store s3 the store is an S3 server, versitygw, which it finds in $PATH and starts on loopback.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Store != demo.Directory && o.Store != demo.S3 {
				return fault.Usage(fmt.Errorf("flag --store: %q is neither directory nor s3", o.Store))
			}
			o.Out, o.Err, o.Version = cli.out, cli.err, version
			return demo.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave the cluster running until interrupted")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "work in this folder, which must not exist (default: a new one below $TMPDIR)")
	cmd.Flags().StringVar(&o.Store, "store", demo.Directory, "directory or s3")
	return cmd
}
