package drill

import (
	"context"
	"errors"
	"fmt"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/stores"
)

// Due rehearses the restore of the newest snapshot of each store. The error names every store whose snapshot could not be proven; it wraps ErrFailed if one
// did not hold. Snapshots that are encrypted, of which this host has no identity, are a finding, agent.ErrPartial.
func Due(ctx context.Context, d *Driller, all []stores.Store) error {
	var errs error
	for _, store := range all {
		found, err := stores.Find(ctx, []stores.Store{store}, stores.Latest)
		if err == nil {
			var out Result
			if out, err = d.Run(ctx, found); err == nil {
				err = out.Err()
			}
		}
		if errors.Is(err, seal.ErrNoIdentity) {
			err = fmt.Errorf("%w: not rehearsed: %w; etcdward drill --identity FILE does it where the identity is", agent.ErrPartial, err)
		}
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("store %s: %w", store.Name, err))
		}
		if ctx.Err() != nil {
			return errs
		}
	}
	return errs
}
