package snapshot

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"
)

// beExpendable keeps a crash from leaving a core with the cluster's Secrets on disk, and gives the
// kernel a better choice than etcd when memory runs out. Where the host
// forbids either, the inspection goes on without.
func beExpendable() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("900"), 0)
	// Pages that refer to each other in a circle send bbolt down for ever; Go allows 1 GiB of it.
	debug.SetMaxStack(maxStackBytes)
}

const maxStackBytes = 64 << 20

// maxHeapBytes is more than the inspection of a sound file of this size takes: etcd's smallest entries, each of another
// key, need about four times their size in the file.
func maxHeapBytes(fileSize int64) uint64 { return 256<<20 + 4*uint64(fileSize) }

// heapInterval is how often the heap is looked at: within it bbolt can ask for some 20 MiB.
const heapInterval = 20 * time.Millisecond

// awaitGluttony returns when this process has more than limit bytes on its heap: the length of a page is a number in the file,
// and bbolt believes it.
func awaitGluttony(limit uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(heapInterval) {
		if metrics.Read(heap); heap[0].Value.Uint64() > limit {
			return
		}
	}
}
