// Command etcdward keeps the etcd of self-managed Kubernetes safe. This package parses flags, makes one call
// for each verb, prints the result, and maps errors to exit codes. Each verb has a file of its own; package
// wire puts the parts together.
package main

import (
	"os"
	_ "time/tzdata" // so that time_zone works on hosts without tzdata

	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/unpack"
	"github.com/etcdward/etcdward/cmd/etcdward/signals"
)

// version is set by the linker.
var version = "0.0.0-dev"

func main() {
	// This process may be a child that was started for one task.
	snapshot.ChildMain()
	scratch.ChildMain()
	unpack.ChildMain()
	ctx, stop := signals.Interruptible(exitInterrupted)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}
