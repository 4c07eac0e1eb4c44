package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/daemon"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/systemd"
)

func runCommand(cli *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "The daemon: do every job when it is due",
		Long: "Runs until it is told to stop by SIGTERM or SIGINT. A run that was missed while the host was down is made up for once.\n" +
			"SIGHUP makes it read the configuration again; SIGUSR1 makes it end when no run is under way.\n\n" +
			"Exit codes: 0 stopped; 78 the configuration cannot be used.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.daemon(cmd.Context()) },
	}
}

func (cli *cli) daemon(ctx context.Context) error {
	cli.quiet = true
	signals := make(chan os.Signal, 4)
	// Catch these signals before anything else, because by default they would end the process.
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	return daemon.Run(ctx, daemon.Options{
		Load: func() (*wire.Parts, error) {
			p, _, err := cli.parts() // the daemon shows no progress, so there is none to clear
			return p, err
		},
		Signals: signals, WouldStart: cli.wouldStart, ConfigPath: cli.config, Version: version,
	})
}

// wouldStart asks the installed program whether it accepts the configuration.
func (cli *cli) wouldStart(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	// An upgrade may have replaced the file that this process runs.
	check := exec.CommandContext(ctx, strings.TrimSuffix(program, " (deleted)"), "config", "check", "--config", cli.config)
	check.Env = append(os.Environ(), systemd.RuntimeDirectory+"=") // a new process may be another cluster's
	out, err := check.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
