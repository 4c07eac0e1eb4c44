package drill

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/unpack"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	scratch.ChildMain()
	unpack.ChildMain()
	goleak.VerifyTestMain(m)
}
