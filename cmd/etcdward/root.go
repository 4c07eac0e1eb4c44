package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/cmd/etcdward/verbs"
	"github.com/spf13/cobra"
)

// stdio are the streams of a process: stdout is for data, stderr for messages.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// defaultConfig is the configuration file of the packages.
const defaultConfig = unit.Config

// cli is one call of the command line: the streams, and the flags that every verb has.
type cli struct {
	stdio
	config   string
	stateDir string
	output   string // table or json
	quiet    bool
	verb     string
}

// json reports whether the output is for programs.
func (cli *cli) json() bool { return cli.output == "json" }

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, streams stdio) int {
	// No name, key or text of a server reaches the terminal raw.
	streams.out, streams.err = terminal.NewSafe(streams.out), terminal.NewSafe(streams.err)
	cli := &cli{stdio: streams}
	root := newRoot(cli)
	root.SetArgs(args)
	root.SetIn(streams.in)
	root.SetOut(streams.out)
	root.SetErr(streams.err)
	err := root.ExecuteContext(ctx)
	return cli.conclude(ctx, err)
}

// newRoot is the tree of verbs.
func newRoot(cli *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "etcdward",
		Short: "Keep the etcd of self-managed Kubernetes safe",
		Long: "etcdward takes snapshots of an etcd cluster, checks every one of them, keeps them in one or\n" +
			"more stores, and can say at any moment to which point in time the cluster is proven restorable.",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(verbs.Known),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			cli.verb = cmd.Name()
			if err := verbs.RefuseEmpty(cmd); err != nil {
				return fault.Usage(err)
			}
			if cli.output != "table" && cli.output != "json" {
				return fault.Usage(fmt.Errorf("flag -o: %q is neither table nor json", cli.output))
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&cli.config, "config", fromEnvironment("ETCDWARD_CONFIG", defaultConfig), "configuration file (or $ETCDWARD_CONFIG)")
	flags.StringVar(&cli.stateDir, "state-dir", fromEnvironment("STATE_DIRECTORY", "/var/lib/etcdward"), "folder for files that must survive a restart (or $STATE_DIRECTORY)")
	// The long name is not --output, which the verbs that write a file need.
	flags.StringVarP(&cli.output, "format", "o", "table", "table or json")
	flags.BoolVarP(&cli.quiet, "quiet", "q", false, "no progress on stderr")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fault.Usage(err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(verbs.Help())
	root.AddCommand(
		setupCommand(cli), runCommand(cli), snapshotCommand(cli), listCommand(cli), showCommand(cli), verifyCommand(cli), drillCommand(cli), fetchCommand(cli), extractCommand(cli),
		pruneCommand(cli), restoreCommand(cli), compactCommand(cli), defragCommand(cli), statusCommand(cli), configCommand(cli), demoCommand(cli), versionCommand(cli),
		documentsCommand(),
	)
	return root
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// usage marks the error of an argument check as one of usage.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fault.Usage(err)
		}
		return nil
	}
}
