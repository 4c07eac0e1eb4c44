package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent/fault"
	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/restore/source"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// planRequest is what the flags of restore plan say.
type planRequest struct {
	ref, file, output  string
	dataDirOf, cluster string
	sel                wire.Selection
	members            []string
	manifests, dir     string
	dirGiven           bool
	bump               int64
}

func restorePlanCommand(cli *cli) *cobra.Command {
	r := planRequest{ref: stores.Latest}
	cmd := &cobra.Command{
		Use:   "plan [ID | latest | --file PATH | --data-dir-of MEMBER] --output PLAN",
		Short: "Write the plan that all members of the restored cluster share",
		Long: "Writes one file with the snapshot and its SHA-256, the members, a new cluster token and one revision bump, and prints what\n" +
			"each host will do. The members are those of the living cluster if any of it answers, else those that the kubeadm manifests on this\n" +
			"host name, else those given with --member. Nothing on this host is changed. --file and --data-dir-of need no configuration;\n" +
			"the latter is the last resort: it copies the database of a member that is stopped, beside the plan.\n\n" +
			"Exit codes: 0; 1 no plan can be made; 4 no such snapshot.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && r.file+r.dataDirOf != "" || r.file != "" && r.dataDirOf != "" {
				return fault.Usage(errors.New("restore plan: give an ID, --file or --data-dir-of, and one of them only"))
			}
			if len(args) > 0 {
				r.ref = args[0]
			}
			if err := r.check(cmd.Flags()); err != nil {
				return err
			}
			return cli.restorePlan(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.output, "output", "plan.yaml", "the file to write; it must not exist")
	f.StringVar(&r.file, "file", "", "restore from this plain snapshot file, which must be on every host")
	f.StringVar(&r.dataDirOf, "data-dir-of", "", "restore from the data directory on this host (--data-dir) of this member, whose etcd is stopped")
	f.StringVar(&r.cluster, "cluster-name", "", "what the plan calls the cluster (default: as the configuration has it, or \"restored\" without one)")
	f.StringArrayVar(&r.members, "member", nil, "NAME=PEER_URL of a member; repeat it for each (default: found)")
	f.StringVar(&r.manifests, "manifests", defaultManifests, "folder of kubeadm's static pods")
	f.StringVar(&r.dir, "data-dir", "/var/lib/etcd", "data directory of the members, where nothing else says it")
	f.Int64Var(&r.bump, "bump-revision", 0, "move the revision on by so many (default 1000000000, or what clears every revision ever seen)")
	selectionFlags(f, &r.sel)
	return cmd
}

// check holds what the flags say to what a plan can have.
func (r *planRequest) check(f *pflag.FlagSet) error {
	r.dir, r.dirGiven = filepath.Clean(r.dir), f.Changed("data-dir")
	if r.dataDirOf != "" {
		r.file = strings.TrimSuffix(r.output, filepath.Ext(r.output)) + ".db"
	}
	if !filepath.IsAbs(r.dir) || r.dir == "/" {
		return fault.Usage(fmt.Errorf("flag --data-dir: %q: the absolute path of etcd's data directory is wanted", r.dir))
	}
	if f.Changed("bump-revision") && (r.bump < 1 || r.bump > restoreplan.MaxBump) {
		return fault.Usage(fmt.Errorf("flag --bump-revision: %d: from 1 to %d", r.bump, restoreplan.MaxBump))
	}
	if _, err := restoreplan.ParseMembers(r.members, r.dir); err != nil {
		return fault.Usage(fmt.Errorf("flag --member: %w", err))
	}
	return nil
}

func (cli *cli) restorePlan(ctx context.Context, r planRequest) (err error) {
	defer func() {
		if err != nil {
			err = refused("plan", err)
		}
	}()
	planner, done, err := cli.planner(&r)
	if err != nil {
		return err
	}
	defer done(&err)
	at, err := r.sel.Freeze(time.Now())
	if err != nil {
		return err
	}
	members, err := restoreplan.ParseMembers(r.members, r.dir)
	if err != nil {
		return err
	}
	p, err := planner.Plan(ctx, source.Request{Ref: r.ref, File: r.file, DataDirOf: r.dataDirOf, At: at, Members: members, Manifests: r.manifests,
		DataDir: r.dir, DataDirGiven: r.dirGiven, RevisionBump: r.bump}, time.Now())
	if err != nil {
		return err
	}
	if err := p.Save(r.output); err != nil {
		return err
	}
	if cli.json() {
		return cli.printJSON(p)
	}
	screen := terminal.NewScreen(cli.out)
	screen.Text(fmt.Sprintf("%s: %d members, snapshot %s at revision %d (%d keys)\n%s", r.output, len(p.Members),
		p.Snapshot.Name(), p.Snapshot.Revision, p.Snapshot.TotalKeys, p.Runbook(r.output)))
	return screen.Err()
}

// planner reads the configuration. A plan of a file does without one.
func (cli *cli) planner(r *planRequest) (planner source.Planner, done func(*error), err error) {
	planner = source.Planner{ClusterName: cmp.Or(r.cluster, "restored"), Tell: cli.talk}
	h, done, err := cli.parts()
	if err != nil && r.file != "" {
		cli.talk("Without a configuration (%v): no store and no living member is asked for revisions that clients have seen.", err)
		return planner, func(*error) {}, nil
	}
	if err != nil {
		return planner, nil, err
	}
	planner.ClusterName, planner.Known = cmp.Or(r.cluster, h.Config.Cluster.Name), h.Stores
	planner.Cluster = func() (source.Cluster, error) { return h.Cluster() }
	if planner.Stores, err = h.Select(r.sel); err != nil {
		done(&err)
		return planner, nil, err
	}
	return planner, done, nil
}
