package snapshot

import (
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/etcdward/etcdward/agent/child"
)

// beExpendable is child.BeExpendable for a process that parses a file which may be damaged.
func beExpendable() {
	child.BeExpendable()
	// Pages that refer to each other in a circle make bbolt recurse forever, and Go's default limit for the
	// stack is 1 GiB.
	debug.SetMaxStack(maxStackBytes)
}

const maxStackBytes = 64 << 20

// maxHeapBytes is more than the inspection of a sound file of this size takes. The worst case is etcd's smallest
// entries, each with a different key, which need about four times their size in the file.
func maxHeapBytes(fileSize int64) uint64 { return 256<<20 + 4*uint64(fileSize) }

// heapInterval is the time between two looks at the heap. In that time bbolt can allocate some 20 MiB.
const heapInterval = 20 * time.Millisecond

// awaitGluttony returns when this process has more than limit bytes on its heap. That happens on damage, because bbolt trusts
// the length of a page, which is a number in the file.
func awaitGluttony(limit uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(heapInterval) {
		if metrics.Read(heap); heap[0].Value.Uint64() > limit {
			return
		}
	}
}
