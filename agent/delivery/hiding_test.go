package delivery

import (
	"context"
	"iter"
	"strings"

	"github.com/etcdward/etcdward/storage"
)

// hiding is a bucket whose listings lack the keys that contain a text.
type hiding struct {
	storage.Bucket
	text string
}

func (h hiding) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for obj, err := range h.Bucket.List(ctx, prefix) {
			if err == nil && strings.Contains(obj.Key, "/snapshots/") && strings.Contains(obj.Key, h.text) {
				continue
			}
			if !yield(obj, err) {
				return
			}
		}
	}
}
