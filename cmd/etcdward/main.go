// Command etcdward keeps the etcd of self-managed Kubernetes safe. It is the composition root: here, and in
// wire.go above all, the parts are put together; each verb has a file of its own.
package main

import (
	"os"
	_ "time/tzdata" // so that time_zone works on hosts without tzdata

	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// version is set by the linker.
var version = "0.0.0-dev"

func main() {
	// A process of this binary may be a child with one task.
	snapshot.ChildMain()
	scratch.ChildMain()
	restore.ChildMain()
	ctx, stop := interruptible()
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}
