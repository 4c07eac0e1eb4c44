package coordination

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(agentChild) != "" {
		os.Exit(runAgentChild())
	}
	goleak.VerifyTestMain(m)
}
