package extract

import (
	"context"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/apply"
	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// survey reads the snapshot once before anything is written: an owner may have changed after what it owns, and so come later.
// What tells about the cluster is read whether it is selected or not.
func (e *Extractor) survey(ctx context.Context, path string) (*apply.Cluster, error) {
	found := apply.New()
	var read int64
	err := snapshot.Walk(ctx, path, "", func(entry snapshot.Entry) error {
		read += int64(len(entry.Key) + len(entry.Value))
		if e.Progress != nil {
			e.Progress("look for owners", read, 0)
		}
		key := string(entry.Key)
		candidate := e.Selection.candidate(key)
		tells := slices.ContainsFunc(apply.Facts, func(part string) bool { return strings.Contains(key, part) })
		if !candidate && !tells {
			return nil
		}
		var err error
		guarded(entry, func(entry snapshot.Entry) rendering {
			if o := object.Decode(entry.Key, entry.Value, e.Keys); o.Tree != nil {
				err = found.Learn(o, candidate && e.Selection.takes(key, o))
			}
			return rendering{}
		})
		return err
	})
	return found, err
}
