package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/setup/hostfs"
)

// Reads returns why the user of a host cannot read a file; nil if it can. The file is opened as that user if this process can act as
// it; else the owners and modes are judged.
func Reads(host *hostfs.Host, file string) error {
	u, is := Find(host)
	if !is {
		return identityOn(host).reads(host, file)
	}
	return As(u, func() error {
		open, err := os.Open(file)
		if err != nil {
			return err
		}
		return open.Close()
	})
}

// identity is a user as far as the rights to files depend on it. The zero value is that of a user who owns nothing.
type identity struct {
	uid  uint32
	gids []uint32
}

// identityOn looks the user up in the host's own files. If the host has no such user yet, nobody can have given it a file.
func identityOn(host *hostfs.Host) identity {
	who := identity{}
	for _, fields := range records(host, "/etc/passwd") {
		if fields[0] == Name && len(fields) > 3 {
			uid, _ := strconv.ParseUint(fields[2], 10, 32)
			gid, _ := strconv.ParseUint(fields[3], 10, 32)
			who = identity{uint32(uid), []uint32{uint32(gid)}}
		}
	}
	if who.uid == 0 {
		return identity{}
	}
	for _, fields := range records(host, "/etc/group") {
		if len(fields) > 3 && slices.Contains(strings.Split(fields[3], ","), Name) {
			gid, _ := strconv.ParseUint(fields[2], 10, 32)
			who.gids = append(who.gids, uint32(gid))
		}
	}
	return who
}

// records returns the lines of a file such as /etc/passwd; none if the file cannot be read.
func records(host *hostfs.Host, name string) [][]string {
	text, _ := host.ReadFile(name)
	var records [][]string
	for line := range strings.Lines(string(text)) {
		records = append(records, strings.Split(strings.TrimSpace(line), ":"))
	}
	return records
}

// reads judges by the mode and the owner of the file and of every folder above it.
func (who identity) reads(host *hostfs.Host, file string) error {
	const read, search = 4, 1
	var names []string
	for name := file; name != "/" && name != "."; name = path.Dir(name) {
		names = append(names, name)
	}
	for _, name := range slices.Backward(names) {
		info, err := host.Stat(name)
		if errors.Is(err, fs.ErrPermission) {
			return nil // this process cannot tell
		}
		if err != nil {
			return err
		}
		need := fs.FileMode(read)
		if info.IsDir() {
			need = search
		}
		if !who.may(info, need) {
			return &fs.PathError{Op: "open", Path: file, Err: fmt.Errorf("%s is %s: %w", name, info.Mode(), fs.ErrPermission)}
		}
	}
	return nil
}

func (who identity) may(info fs.FileInfo, need fs.FileMode) bool {
	mode := info.Mode().Perm()
	if owner, known := info.Sys().(*syscall.Stat_t); known && who.uid != 0 {
		switch {
		case owner.Uid == who.uid:
			return mode>>6&need != 0
		case slices.Contains(who.gids, owner.Gid):
			return mode>>3&need != 0
		}
	}
	return mode&need != 0
}
