package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
)

// planRequest is what the flags of restore plan say.
type planRequest struct {
	ref, file, output string
	sel               wire.Selection
	members           []string
	manifests, dir    string
	bump              int64
}

func restorePlanCommand(inv *invocation) *cobra.Command {
	r := planRequest{ref: stores.Latest}
	cmd := &cobra.Command{
		Use:   "plan [ID | latest | --file PATH] --output PLAN",
		Short: "Write the plan that all members of the restored cluster share",
		Long: "Writes one file with the snapshot and its SHA-256, the members, a new cluster token and one revision bump, and prints what\n" +
			"each host will do. The members are those of the living cluster if any of it answers, else those that the kubeadm manifests on this\n" +
			"host name, else those given with --member. Nothing on this host is changed.\n\n" +
			"Exit codes: 0; 1 no plan can be made; 4 no such snapshot.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && r.file != "" {
				return fault.Usage(errors.New("restore plan: give an ID or --file, not both"))
			}
			if len(args) > 0 {
				r.ref = args[0]
			}
			if err := r.check(cmd.Flags()); err != nil {
				return err
			}
			return inv.restorePlan(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.output, "output", "plan.yaml", "the file to write; it must not exist")
	f.StringVar(&r.file, "file", "", "restore from this plain snapshot file, which must be on every host")
	f.StringArrayVar(&r.members, "member", nil, "NAME=PEER_URL of a member; repeat it for each (default: found)")
	f.StringVar(&r.manifests, "manifests", defaultManifests, "folder of kubeadm's static pods")
	f.StringVar(&r.dir, "data-dir", "/var/lib/etcd", "data directory of the members, where nothing else says it")
	f.Int64Var(&r.bump, "bump-revision", 0, "move the revision on by so many (default 1000000000, or what clears every revision ever seen)")
	selectionFlags(f, &r.sel)
	return cmd
}

// check holds what the flags say to what a plan can have.
func (r *planRequest) check(f *pflag.FlagSet) error {
	r.dir = filepath.Clean(r.dir)
	if !filepath.IsAbs(r.dir) || r.dir == "/" {
		return fault.Usage(fmt.Errorf("flag --data-dir: %q: the absolute path of etcd's data directory is wanted", r.dir))
	}
	if f.Changed("bump-revision") && (r.bump < 1 || r.bump > restore.MaxBump) {
		return fault.Usage(fmt.Errorf("flag --bump-revision: %d: from 1 to %d", r.bump, restore.MaxBump))
	}
	if _, err := restore.ParseMembers(r.members, r.dir); err != nil {
		return fault.Usage(fmt.Errorf("flag --member: %w", err))
	}
	return nil
}

func (inv *invocation) restorePlan(ctx context.Context, r planRequest) (err error) {
	defer func() {
		if err != nil {
			err = refused("plan", err)
		}
	}()
	h, done, err := inv.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	source, err := inv.planSource(ctx, h, r)
	if err != nil {
		return err
	}
	members, highest, err := inv.planMembers(ctx, h, r)
	if err != nil {
		return err
	}
	plan, err := restore.New(restore.Draft{Cluster: h.Config.Cluster.Name, Source: source, Members: members,
		HighestRevision: max(highest, inv.highestStored(ctx, h, r.sel)), RevisionBump: r.bump}, time.Now())
	if err != nil {
		return err
	}
	text, err := plan.Encode()
	if err != nil {
		return err
	}
	if err := writeNew(r.output, text); err != nil {
		return err
	}
	if inv.json() {
		return inv.printJSON(plan)
	}
	_, err = fmt.Fprintf(inv.out, "%s: %d members, snapshot %s at revision %d (%d keys)\n%s", r.output, len(plan.Members),
		sourceName(source), source.Revision, source.TotalKeys, plan.Runbook(r.output))
	return err
}

func sourceName(s restore.Source) string {
	if s.ID == "" {
		return s.File
	}
	return s.ID + " in " + s.Store
}

// planSource finds the snapshot.
func (inv *invocation) planSource(ctx context.Context, h *wire.Parts, r planRequest) (restore.Source, error) {
	if r.file != "" {
		return inv.fileSource(ctx, r.file)
	}
	at, err := r.sel.Freeze(time.Now())
	if err != nil {
		return restore.Source{}, err
	}
	found, err := h.Find(ctx, r.ref, r.sel)
	if err != nil {
		return restore.Source{}, err
	}
	m := found.Manifest
	if !m.Proven() {
		return restore.Source{}, fmt.Errorf("snapshot %s: %w: not every check of its own held; etcdward show %s", m.ID, snapshot.ErrDamaged, m.ID)
	}
	if err := inv.notedDamage(ctx, found); err != nil {
		return restore.Source{}, err
	}
	return restore.Source{ID: m.ID, Store: found.Store.Name, At: at, SHA256: m.SHA256, SizeBytes: m.SizeBytes, TakenAt: m.TakenAt, Revision: m.Revision,
		TotalKeys: m.TotalKeys, Encrypted: m.Object.Encryption == seal.Age, EtcdVersion: m.Member.Version, StorageVersion: m.StorageVersion}, nil
}

// notedDamage refuses a snapshot that was found damaged in its store when it was read back. A plan goes to every host before an apply
// would find that out again.
func (inv *invocation) notedDamage(ctx context.Context, found stores.Found) error {
	proofs, err := found.Store.Catalog.Proofs(ctx, found.Entry.ID)
	if err != nil {
		inv.talk("What was found of it later cannot be read: %v", err) // apply holds the file to the plan in any case
	}
	if len(proofs) == 0 || proofs[len(proofs)-1].Check.OK {
		return nil
	}
	return damagedInStore{fmt.Errorf("snapshot %s in store %s: %w: so a read-back found: %s", found.Manifest.ID, found.Store.Name, snapshot.ErrDamaged,
		proofs[len(proofs)-1].Check.Detail)}
}

// damagedInStore knows that another store may have it whole.
type damagedInStore struct{ error }

func (d damagedInStore) Unwrap() error { return d.error }

// Hint implements hinter.
func (damagedInStore) Hint() string {
	return "etcdward list shows others; --store NAME takes it from another store"
}

// fileSource examines a plain snapshot file.
func (inv *invocation) fileSource(ctx context.Context, path string) (restore.Source, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return restore.Source{}, err
	}
	exam, err := snapshot.Examine(ctx, path, 0)
	if err != nil {
		return restore.Source{}, err
	}
	if err := exam.Err(); err != nil {
		return restore.Source{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(exam.Origin.Alarms) > 0 {
		inv.talk("WARNING: %s.", restore.AlarmsText(exam.Origin.Alarms))
	}
	f := exam.Facts
	return restore.Source{File: path, SHA256: f.SHA256, SizeBytes: f.SizeBytes, Revision: f.Revision, TotalKeys: f.TotalKeys,
		EtcdVersion: exam.Origin.ClusterVersion, StorageVersion: f.StorageVersion}, nil
}

// planMembers finds the members, and the newest revision that a living one has.
func (inv *invocation) planMembers(ctx context.Context, h *wire.Parts, r planRequest) (members []restore.Member, highest int64, err error) {
	live, highest, leftOut, why := liveMembers(ctx, h, r.dir)
	host, noHost := restore.ReadHost(r.manifests, "")
	if noHost == nil {
		for i := range live {
			live[i].DataDir = host.DataDir // kubeadm sets all hosts up alike
		}
	}
	switch {
	case len(r.members) > 0:
		members, err := restore.ParseMembers(r.members, r.dir)
		inv.talk("Members as given with --member.")
		return members, highest, err
	case len(live) > 0:
		inv.talk("Members as the living cluster has them.")
		if leftOut != "" {
			inv.talk("Without %s, learners or never started: add them to the restored cluster (etcdctl member add).", leftOut)
		}
		return live, highest, nil
	case noHost == nil:
		inv.talk("No member answers (%v).\nMembers as %s has them from this host's joining: if others joined later, give all with --member.", why, r.manifests)
		members, err := host.MembersOf()
		return members, highest, err
	}
	return nil, 0, noMembers{errors.Join(why, noHost)}
}

// noMembers means that nothing says who the members are.
type noMembers struct{ error }

func (n noMembers) Unwrap() error { return n.error }

// Hint implements hinter.
func (noMembers) Hint() string {
	return "name every member of the new cluster with --member NAME=https://HOST:2380"
}

// highestStored is the newest revision in any store, as it is and as the selection sees it. A store that cannot be read is named.
func (inv *invocation) highestStored(ctx context.Context, h *wire.Parts, sel wire.Selection) int64 {
	all := slices.Clone(h.Stores)
	if past, err := h.Select(sel); err == nil {
		all = append(all, past...)
	}
	highest := int64(0)
	for _, s := range all {
		listing, err := s.Catalog.List(ctx)
		if err != nil {
			inv.talk("Store %s cannot be read, so revisions that only it knows are not counted: %v", s.Name, err)
			continue
		}
		for _, e := range listing.Snapshots {
			highest = max(highest, e.ID.Revision)
		}
	}
	return highest
}

// writeNew writes a file that must not exist, and makes it last.
func writeNew(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: another plan would be another cluster; remove it, or give another --output", path, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// ignoreEnd drops the end of the input, which says nothing more.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
