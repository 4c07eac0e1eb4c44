package demo

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	scratch.ChildMain()
	restore.ChildMain()
	goleak.VerifyTestMain(m)
}
