package backup_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/snapshot"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	goleak.VerifyTestMain(m)
}
