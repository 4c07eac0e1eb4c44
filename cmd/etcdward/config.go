package main

import (
	"fmt"

	"github.com/etcdward/etcdward/agent/daemon"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/spf13/cobra"
)

func configCommand(inv *invocation) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or show the configuration",
		Args:  usage(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return fault.Usage(fmt.Errorf("config: check or show?")) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "check",
			Short: "Report every mistake in the file, with line and column",
			Long:  "Reads the file and reports every mistake at once.\n\nExit codes: 0; 78 it cannot be used.",
			Args:  usage(cobra.NoArgs),
			RunE:  func(*cobra.Command, []string) error { return inv.configCheck() },
		},
		&cobra.Command{
			Use:   "show",
			Short: "Show the configuration in force, defaults filled in, secrets hidden",
			Args:  usage(cobra.NoArgs),
			RunE:  func(*cobra.Command, []string) error { return inv.configShow() },
		},
	)
	return cmd
}

func (inv *invocation) configCheck() error {
	cfg, err := inv.loadConfig()
	if err != nil {
		return err
	}
	if err := daemon.AsUnit(cfg); err != nil {
		return fault.Config(err)
	}
	notes := append(cfg.Warnings(), daemon.Inactive(cfg)...)
	if inv.json() {
		return inv.printJSON(map[string]any{"ok": true, "warnings": append([]string{}, notes...)})
	}
	fmt.Fprintf(inv.out, "%s: ok: cluster %s, %s\n", inv.config, cfg.Cluster.Name, terminal.Count(len(cfg.Stores), "store"))
	for _, note := range notes {
		fmt.Fprintf(inv.out, "warning: %s\n", note)
	}
	return nil
}

func (inv *invocation) configShow() error {
	cfg, err := inv.loadConfig()
	if err != nil {
		return err
	}
	if inv.json() {
		return inv.printJSON(map[string]string{"path": inv.config, "yaml": string(cfg.YAML())})
	}
	_, err = inv.out.Write(cfg.YAML())
	return err
}
