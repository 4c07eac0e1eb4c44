package drill

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/staging"
)

// ErrBusy means that another drill runs on this host.
var ErrBusy = errors.New("another drill runs on this host")

// ErrNoRoom means that a drill would fill the disk or the memory of this host.
var ErrNoRoom = errors.New("not enough room for a drill")

// place is the folder of drills, held by one process.
type place struct {
	dir  string
	lock *os.File
}

const lockName = "lock"

// open takes the folder, and removes what a killed drill left there. The error wraps ErrBusy if another process has it: the children of a killed one
// have it until they have ended.
func open(dir string) (*place, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	p := &place{dir, lock}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fault.WithHint(ErrBusy, "wait until it has ended")
		}
		return nil, errors.Join(err, lock.Close())
	}
	if err := p.clear(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return p, nil
}

// clear removes everything but the lock.
func (p *place) clear() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.dir, e.Name())))
		}
	}
	return err
}

// close removes everything and lets go.
func (p *place) close() error { return errors.Join(p.clear(), p.lock.Close()) }

// What a drill takes beside the snapshot: etcd makes two files of its log of 64 MiB each, and keeps of each key an entry of its index in memory.
const (
	walBytes     = 2 * (64 << 20)
	bootMemory   = 192 << 20
	memoryPerKey = 400
)

// room makes sure that disk and memory suffice: the plain file and the restored directory, and an etcd on it. The error wraps ErrNoRoom.
func (p *place) room(size, keys int64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(p.dir, &disk); err != nil {
		return fmt.Errorf("free space of %s: %w", p.dir, err)
	}
	if need, free := 2*size+walBytes+staging.Reserve, int64(disk.Bavail)*disk.Bsize; free < need {
		return fault.WithHint(fmt.Errorf("%w: %s has %d bytes free, and it takes %d", ErrNoRoom, p.dir, free, need), "make room there, or drill on another host")
	}
	available, err := memoryAvailable()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the unit's sandbox hides it (ProcSubset=pid), and the child is the first to be killed
	}
	if err != nil {
		return err
	}
	if need := bootMemory + memoryPerKey*keys; available < need {
		return fault.WithHint(fmt.Errorf("%w: this host has %d bytes of memory available, and it takes about %d", ErrNoRoom, available, need), "drill on another host")
	}
	return nil
}

// memoryAvailable is what the kernel could give to a new process without swapping (proc(5), MemAvailable), in bytes.
func memoryAvailable() (int64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("available memory: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && fields[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.Join(errors.New("available memory: /proc/meminfo does not say"), lines.Err())
}
