package main

import (
	"fmt"
	"os"

	"github.com/etcdward/etcdward/agent/apiserver"
	"github.com/etcdward/etcdward/agent/daemon"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/cmd/etcdward/verbs"
	"github.com/spf13/cobra"
)

func configCommand(cli *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or show the configuration",
		Args:  usage(verbs.Known),
		RunE:  func(*cobra.Command, []string) error { return fault.Usage(fmt.Errorf("config: check or show?")) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "check",
			Short: "Report every mistake in the file, with line and column",
			Long:  "Reads the file and reports every mistake at once.\n\nExit codes: 0; 78 it cannot be used.",
			Args:  usage(cobra.NoArgs),
			RunE:  func(*cobra.Command, []string) error { return cli.configCheck() },
		},
		&cobra.Command{
			Use:   "show",
			Short: "Show the configuration in force, defaults filled in, secrets hidden",
			Args:  usage(cobra.NoArgs),
			RunE:  func(*cobra.Command, []string) error { return cli.configShow() },
		},
	)
	return cmd
}

func (cli *cli) configCheck() error {
	cfg, err := cli.loadConfig()
	if err != nil {
		return err
	}
	if err := daemon.AsUnit(cfg); err != nil {
		return fault.Config(err)
	}
	notes := append(cfg.Warnings(), apiserver.Warnings(os.DirFS("/"), cfg.Compaction.Keep)...)
	if cli.json() {
		return cli.printJSON(map[string]any{"ok": true, "warnings": append([]string{}, notes...)})
	}
	fmt.Fprintf(cli.out, "%s: ok: cluster %s, %s\n", cli.config, cfg.Cluster.Name, terminal.Count(len(cfg.Stores), "store"))
	for _, note := range notes {
		fmt.Fprintf(cli.out, "warning: %s\n", note)
	}
	return nil
}

func (cli *cli) configShow() error {
	cfg, err := cli.loadConfig()
	if err != nil {
		return err
	}
	if cli.json() {
		return cli.printJSON(map[string]string{"path": cli.config, "yaml": string(cfg.YAML())})
	}
	_, err = cli.out.Write(cfg.YAML())
	return err
}
