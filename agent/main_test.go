package agent

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/snapshot"
)

func TestMain(m *testing.M) {
	// The jobs start this binary again for what must not bring them down.
	snapshot.ChildMain()
	if os.Getenv(agentChild) != "" {
		os.Exit(runAgentChild())
	}
	goleak.VerifyTestMain(m)
}
