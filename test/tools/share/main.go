// Command share mounts a folder at another place by FUSE, as poor a file system as its flags say. The tests stop it with
// SIGSTOP to have a share whose server answers no more, and let it lack what exFAT, rclone, s3fs, gcsfuse and vboxsf lack.
package main

import (
	"context"
	"flag"
	"log"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// poor is a folder or a file of the share.
type poor struct {
	fs.LoopbackNode
	*lacks
}

// lacks is what a share cannot do.
type lacks struct {
	noLink, noExclusiveRename bool
	// create is the error with which files are refused. 0: none.
	create syscall.Errno
}

// Link makes a hard link, if the share has any.
func (p *poor) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if p.noLink {
		return nil, syscall.EPERM
	}
	return p.LoopbackNode.Link(ctx, target, name, out)
}

// Rename renames, and knows flags only if the share does.
func (p *poor) Rename(ctx context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if p.noExclusiveRename && flags != 0 {
		return syscall.EINVAL
	}
	return p.LoopbackNode.Rename(ctx, name, parent, newName, flags)
}

// served is an open file whose bytes all come from this process: left to itself the kernel would take them from the folder.
type served struct{ *fs.LoopbackFile }

// PassthroughFd gives the kernel no way past this process.
func (served) PassthroughFd() (int, bool) { return 0, false }

// Open opens a file.
func (p *poor) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	file, fuseFlags, errno := p.LoopbackNode.Open(ctx, flags)
	return serve(file), fuseFlags, errno
}

// Create makes a file.
func (p *poor) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if p.create != 0 {
		return nil, nil, 0, p.create
	}
	node, file, fuseFlags, errno := p.LoopbackNode.Create(ctx, name, flags, mode, out)
	return node, serve(file), fuseFlags, errno
}

func serve(file fs.FileHandle) fs.FileHandle {
	if loopback, ok := file.(*fs.LoopbackFile); ok {
		return served{loopback}
	}
	return file
}

func main() {
	var without lacks
	flag.BoolVar(&without.noLink, "no-link", false, "no hard links")
	flag.BoolVar(&without.noExclusiveRename, "no-exclusive-rename", false, "no RENAME_NOREPLACE")
	create := flag.Int("fail-create", 0, "the number of the error with which new files are refused")
	kind := flag.String("type", "share", "the file system's kind: fuse.TYPE")
	flag.Parse()
	without.create = syscall.Errno(*create)
	if flag.NArg() != 2 {
		log.Fatal("usage: share [flags] FOLDER MOUNTPOINT")
	}
	root := &fs.LoopbackRoot{Path: flag.Arg(0)}
	root.NewNode = func(data *fs.LoopbackRoot, _ *fs.Inode, _ string, _ *syscall.Stat_t) fs.InodeEmbedder {
		return &poor{fs.LoopbackNode{RootData: data}, &without}
	}
	root.RootNode = root.NewNode(root, nil, "", nil)
	server, err := fs.Mount(flag.Arg(1), root.RootNode, &fs.Options{
		MountOptions: fuse.MountOptions{FsName: "share", Name: *kind, DirectMount: true, DirectMountFlags: 0},
	})
	if err != nil {
		log.Fatal(err)
	}
	server.Wait()
}
