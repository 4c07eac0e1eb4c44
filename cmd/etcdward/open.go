package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// loadConfig reads the configuration file. Each of its errors is marked as one of the configuration.
func (cli *cli) loadConfig() (*config.Config, error) {
	cfg, err := config.Load(cli.config)
	return cfg, fault.Config(err)
}

// parts reads the configuration and opens the parts that it asks for. done closes them, and adds what could not be closed to an error.
func (cli *cli) parts() (p *wire.Parts, done func(*error), err error) {
	cfg, err := cli.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	log, err := wire.NewLogger(cli.err, cfg.Log)
	if err != nil {
		return nil, nil, err
	}
	show, clear := cli.newProgress()
	p, err = wire.Open(cfg, wire.Options{StateDir: cli.stateDir, Log: log, Progress: show, Version: version})
	if err != nil {
		clear()
		return nil, nil, err
	}
	return p, func(err *error) {
		if changing[cli.verb] {
			if touched := p.Changed(); touched != nil {
				log.Debug("agent not told of the change", "error", touched)
			}
		}
		*err = errors.Join(*err, p.Close())
		clear()
	}, nil
}

// changing are the verbs after which the agent of this host looks again.
var changing = map[string]bool{"snapshot": true, "verify": true, "drill": true, "prune": true, "compact": true, "defrag": true}

// find opens the parts and looks a snapshot up in the stores of a selection; done is as that of parts.
func (cli *cli) find(ctx context.Context, ref string, sel wire.Selection) (p *wire.Parts, found stores.Found, done func(*error), err error) {
	p, done, err = cli.parts()
	if err != nil {
		return nil, stores.Found{}, nil, err
	}
	if found, err = p.Find(ctx, ref, sel); err != nil {
		done(&err)
		return nil, stores.Found{}, nil, err
	}
	return p, found, done, nil
}

// selectionFlags adds the flags of a selection to a verb.
func selectionFlags(set *pflag.FlagSet, sel *wire.Selection) {
	set.StringVar(&sel.Store, "store", "", "look in this store only")
	set.StringVar(&sel.At, "at", "", "read versioned stores as they were at this time (RFC 3339, or a duration ago such as 26h)")
}

// newProgress shows the progress of the work on stderr. It is nil, which shows nothing, if nobody wants
// messages.
func (cli *cli) newProgress() (agent.Progress, func()) {
	if cli.quiet {
		return nil, func() {}
	}
	return terminal.NewProgress(cli.err)
}

// printJSON writes a value for programs.
func (cli *cli) printJSON(v any) error { return terminal.JSON(cli.out, v) }

// identities reads a file of age identities; "": there are none.
func identities(path string) (seal.Identities, error) {
	if path == "" {
		return seal.Identities{}, nil
	}
	return seal.ReadIdentities(path)
}
