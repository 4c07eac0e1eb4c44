package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

func listCommand(cli *cli) *cobra.Command {
	var sel wire.Selection
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the snapshots in the stores, oldest first",
		Long: "Lists what is committed in the stores. The table needs one listing of each store, and reads the manifests of its newest " + fmt.Sprint(looked) + "\n" +
			"snapshots to mark those that are damaged, not proven, or of an emergency; -o json reads every manifest.\n" +
			"With --at a versioned store is read as it was: what somebody has deleted or overwritten since then is there again.\n\n" +
			"Exit codes: 0; 3 a store, or a snapshot in it, could not be read.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.list(cmd.Context(), sel) },
	}
	selectionFlags(cmd.Flags(), &sel)
	return cmd
}

// looked is how many manifests of a store the table reads: those of the snapshots that somebody is most
// likely to use.
const looked = 24

// listed is one manifest as `list -o json` prints it.
type listed struct {
	snapshot.Manifest
	Store string `json:"store"`
}

func (cli *cli) list(ctx context.Context, sel wire.Selection) (err error) {
	h, done, err := cli.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	selected, err := h.Select(sel)
	if err != nil {
		return err
	}
	var unread error
	read := 0
	now := time.Now()
	rows := [][]string{{"ID (TIME IN UTC)", "AGE", "REVISION", "STORED", "STORE", "MANIFEST"}}
	manifests := []listed{}
	for _, store := range selected {
		listing, err := listingOf(ctx, store)
		if err != nil {
			unread = errors.Join(unread, fmt.Errorf("store %s: %w", store.Name, err))
			continue
		}
		read++
		for _, e := range listing.MissingData {
			unread = errors.Join(unread, fmt.Errorf("store %s: snapshot %s has a manifest and no data: somebody removed it", store.Name, e.ID))
		}
		if cli.json() {
			found, err := manifestsOf(ctx, store, listing.Snapshots)
			manifests, unread = append(manifests, found...), errors.Join(unread, err)
			continue
		}
		marks, err := stores.Marks(ctx, store, listing.Snapshots, looked)
		unread = errors.Join(unread, err)
		for i, e := range listing.Snapshots {
			rows = append(rows, []string{e.ID.String(), terminal.Age(now.Sub(e.ID.TakenAt)), fmt.Sprint(e.ID.Revision), terminal.Bytes(e.SizeBytes()), store.Name, marks[i]})
		}
	}
	if read == 0 {
		return fmt.Errorf("list snapshots: %w", unread)
	}
	if unread != nil {
		unread = fmt.Errorf("list snapshots: %w: %w", agent.ErrPartial, unread)
	}
	if cli.json() {
		return errors.Join(cli.printJSON(sortListed(manifests)), unread)
	}
	return errors.Join(terminal.Table(cli.out, rows), unread)
}

// listLimit bounds the listing of one store, so that one which hangs holds up no other.
const listLimit = 30 * time.Second

func listingOf(ctx context.Context, store stores.Store) (catalog.Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	return store.Catalog.List(ctx)
}

// manifestsOf reads the manifests of a store; those that cannot be read are errors beside the others.
func manifestsOf(ctx context.Context, store stores.Store, entries []catalog.Entry) ([]listed, error) {
	var out []listed
	var unread error
	manifests, errs := stores.Manifests(ctx, store, entries)
	for i, m := range manifests {
		if errs[i] != nil {
			unread = errors.Join(unread, fmt.Errorf("store %s: %w", store.Name, errs[i]))
			continue
		}
		out = append(out, listed{m, store.Name})
	}
	return out, unread
}

// sortListed puts the oldest first, over all stores.
func sortListed(all []listed) []listed {
	slices.SortStableFunc(all, func(a, b listed) int {
		return cmp.Or(a.TakenAt.Compare(b.TakenAt), cmp.Compare(a.Revision, b.Revision))
	})
	return all
}
