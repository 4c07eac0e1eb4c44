package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// The lowest weights that a process can have without a right of its own: the last nice value, and the lowest priority of the class that
// everybody is in (ioprio_set(2): class best-effort, level 7).
const (
	lowestNice       = 19
	ioWhoProcess     = 1
	ioBestEffortLast = 2<<13 | 7
)

// GiveWay makes this process, a child that nobody waits for urgently, give way to every other process of the host: to etcd first of all. If the
// host forbids that, the work goes on without it. Threads that are made later inherit it.
func GiveWay() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		_ = unix.Setpriority(unix.PRIO_PROCESS, id, lowestNice)
		_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioWhoProcess, uintptr(id), ioBestEffortLast)
	}
	BeExpendable()
}

// BeExpendable turns off core dumps, which would leave the cluster's Secrets on disk, and makes this process the first to be killed if memory
// runs out, so that etcd is not. If the host forbids either, the work goes on without it.
func BeExpendable() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("900"), 0)
}
