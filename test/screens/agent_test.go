package screens

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// TestAgentOfThisHost: the status says that an agent runs, and when its jobs are next due, only while it does.
func TestAgentOfThisHost(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	s := program.On{Host: host.New(t, c)}
	s.Snapshot(t)
	look := func() (seen status.Status) {
		s.MustJSON(t, &seen, "-o", "json", "status")
		return seen
	}
	if a := look().Agent; a.Running == nil || *a.Running {
		t.Errorf("no agent was started: %+v", a)
	}
	agent := s.Start(t, "run")
	await.Until(t, time.Minute, "the status names the agent", func() bool { return look().Agent.Runs() })
	if text := s.Must(t, "status"); !strings.Contains(text, "Agent on this host: runs since ") || !strings.Contains(text, "(in ") {
		t.Errorf("the screen does not name it, or when a job is due:\n%s", text)
	}
	if err := agent.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := agent.Wait(); err != nil {
		t.Fatal(err)
	}
	if a := look().Agent; a.Running == nil || *a.Running {
		t.Errorf("the agent was stopped: %+v", a)
	}
}
