package restore

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/test/port"
)

// TestIPv6 restores two members whose peer URLs are IPv6, and boots them.
func TestIPv6(t *testing.T) {
	s := newSite(t)
	d := draft(t, s.file, s.data)
	d.Members = nil
	var clients []string
	for i := range 2 {
		d.Members = append(d.Members, plan.Member{Name: fmt.Sprintf("cp-%d", i), PeerURLs: []string{"http://" + port.Free(t, "::1")}, DataDir: filepath.Join(s.dir, fmt.Sprint(i))})
		clients = append(clients, "http://"+port.Free(t, "::1"))
	}
	p := mustPlan(t, d)
	for _, m := range p.Members {
		a := &Applier{Plan: p, Member: m.Name, Fetch: func(context.Context) (string, error) { return s.file, nil }}
		if _, err := a.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var members []*scratch.Member
	for i, m := range p.Members {
		booted, err := scratch.Boot(scratch.Spec{Name: m.Name, DataDir: m.DataDir, ClientURL: clients[i], PeerURL: m.PeerURLs[0],
			InitialCluster: p.InitialCluster(), Token: p.Token, LogFile: m.DataDir + ".log"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := booted.Stop(); err != nil {
				t.Error(err)
			}
		})
		members = append(members, booted)
	}
	for _, m := range members {
		if err := m.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// Both are needed for a write.
	if err := members[0].Write(ctx, []scratch.Change{{Key: "/registry/after", Value: []byte("x")}}); err != nil {
		t.Error(err)
	}
}
