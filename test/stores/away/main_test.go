package away

import (
	"testing"

	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/program"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	scratch.ChildMain()
	program.Main(m)
}
