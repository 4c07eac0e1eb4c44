package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// Result is what became of one snapshot.
type Result struct {
	Manifest snapshot.Manifest
	// Stored names the stores that have it. The others' errors are in Failed; there the snapshot waits in the spool.
	Stored []string
	Failed map[string]error
}

// Deliver brings everything that waits to the stores, the snapshot last. The error wraps agent.ErrPartial if some stores have it and others
// do not, and if it does not count as proven; with any other error no store has it, and it is safe in the spool.
func (c *Courier) Deliver(ctx context.Context, m snapshot.Manifest) (Result, error) {
	result := Result{Manifest: m, Failed: map[string]error{}}
	delivery, err := c.Run(ctx)
	if err != nil {
		return result, fmt.Errorf("deliver snapshot %s: %w", m.ID, err)
	}
	var failed error
	for _, store := range c.Stores {
		if got, ok := delivery.Stored[store.Name][m.ID]; ok {
			result.Stored = append(result.Stored, store.Name)
			if result.Manifest.Object = got.Object; got.ID != m.ID {
				result.Manifest.ID, result.Manifest.TakenAt, result.Manifest.Restore = got.ID, got.TakenAt, got.Restore
			}
			continue
		}
		cause := delivery.Failed[store.Name]
		if cause == nil {
			cause = errors.New("it was not delivered")
		}
		result.Failed[store.Name] = cause
		failed = errors.Join(failed, fmt.Errorf("store %s: %w", store.Name, cause))
	}
	if failed == nil {
		return result, unproven(m)
	}
	if len(result.Stored) > 0 {
		return result, fmt.Errorf("deliver snapshot %s: %w: %w", m.ID, agent.ErrPartial, failed)
	}
	return result, fmt.Errorf("deliver snapshot %s: no store has it, it waits in the spool: %w", m.ID, failed)
}

// unproven is the finding that a stored snapshot does not count; nil if it does.
func unproven(m snapshot.Manifest) error {
	if m.Proven() {
		return nil
	}
	why := "it was never checked"
	if failed, found := snapshot.FirstFailed(m.Checks); found {
		why = failed.Detail
	}
	return fmt.Errorf("snapshot %s: %w: stored, but it does not count as proven: %s", m.ID, agent.ErrPartial, why)
}
