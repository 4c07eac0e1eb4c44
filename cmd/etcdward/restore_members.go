package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/wire"
)

// liveMembers asks the cluster, of which one member that answers is enough. The newest revision is of those that answered; leftOut are
// the members that a restored cluster begins without.
func liveMembers(ctx context.Context, h *wire.Parts, dataDir string) (members []restore.Member, highest int64, leftOut string, err error) {
	cluster, err := h.Cluster()
	if err != nil {
		return nil, 0, "", err
	}
	survey, err := cluster.Survey(ctx)
	if err != nil {
		return nil, 0, "", err
	}
	peers, err := cluster.Peers(ctx)
	if err != nil {
		return nil, 0, "", err
	}
	var others []string
	for _, m := range survey.Members {
		highest = max(highest, m.Revision)
		if m.Learner || m.Role == etcd.RoleUnstarted {
			others = append(others, m.Name)
			continue // a restored cluster begins with voters; others are added to it
		}
		if len(peers[m.Name]) == 0 {
			return nil, highest, "", fmt.Errorf("member %s has no peer URL", m.Name)
		}
		members = append(members, restore.Member{Name: m.Name, PeerURLs: peers[m.Name], DataDir: dataDir})
	}
	return members, highest, strings.Join(others, ", "), nil
}
