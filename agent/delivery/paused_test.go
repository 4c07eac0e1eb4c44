package delivery

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestPausedWriter has a host stop just before it writes its data, after it found that nobody else has the ID, in a store that overwrites. Another host
// stores a snapshot of that ID meanwhile: it is not written over when the first goes on.
func TestPausedWriter(t *testing.T) {
	for range 8 { // either of the two may be the one whose intent goes first
		folder := storestest.OpenFolder(t)
		storestest.StoreIn(t, "a", folder).FillWith(t, 9)
		first, second := newPost(t, nil), newPost(t, nil)
		for n, p := range []post{first, second} {
			m, content := ofHost(n)
			p.add(t, []string{"a"}, m, content)
		}
		synctest.Test(t, func(t *testing.T) {
			reached, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			paused := &storagetest.Overwriting{Bucket: folder, Before: func(key string) {
				if strings.HasSuffix(key, ".db") {
					once.Do(func() { close(reached); <-goOn })
				}
			}}
			var delivering sync.WaitGroup
			delivering.Go(func() { first.run(t, storestest.StoreIn(t, "a", paused)) })
			<-reached
			if failed := second.run(t, storestest.StoreIn(t, "a", &storagetest.Overwriting{Bucket: folder})); len(failed) > 0 {
				t.Errorf("failed: %v", failed)
			}
			close(goOn)
			delivering.Wait()
		})
		first.wantEmpty(t)
		second.wantEmpty(t)
		if got := storestest.StoreIn(t, "a", folder).Numbers(t); !slices.Equal(got, []int64{1, 1, 9}) {
			t.Fatalf("stored are %v", got)
		}
	}
}
