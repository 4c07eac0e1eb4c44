package directory

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// owner is a user and a group, by number.
type owner struct{ uid, gid int }

// ownerOf returns who is to own what root makes in a folder: the folder's owner, who has to read and remove it later. nil: whoever
// makes it.
func ownerOf(root *os.Root) (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	folder, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(folder.Fd()), &stat); err != nil || stat.Uid == 0 {
		return nil, err
	}
	return &owner{int(stat.Uid), int(stat.Gid)}, nil
}

// give hands over a file or a folder that was just made. A share that maps all users to one refuses that, and does not need it.
func (v *visit) give(made *os.File) error {
	if v.owner == nil {
		return nil
	}
	err := unix.Fchown(int(made.Fd()), v.owner.uid, v.owner.gid)
	if errors.Is(err, unix.EPERM) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
