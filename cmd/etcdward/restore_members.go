package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/restore"
)

// liveMembers asks the cluster. why says what kept it from answering; the newest revision seen is of those that answered.
func (h *house) liveMembers(ctx context.Context, dataDir string) (members []restore.Member, highest int64, why error) {
	cluster, err := h.cluster()
	if err != nil {
		return nil, 0, err
	}
	survey, err := cluster.Survey(ctx)
	if err != nil {
		return nil, 0, err
	}
	asker, ok := any(cluster).(interface {
		Peers(context.Context) (map[string][]string, error)
	})
	if !ok {
		return nil, 0, errors.New("etcd: peer URLs are not known")
	}
	peers, err := asker.Peers(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, m := range survey.Members {
		highest = max(highest, m.Revision)
		if m.Learner || m.Role == etcd.RoleUnstarted {
			continue // a restored cluster begins with voters; others are added to it
		}
		if len(peers[m.Name]) == 0 {
			return nil, highest, fmt.Errorf("member %s has no peer URL", m.Name)
		}
		members = append(members, restore.Member{Name: m.Name, PeerURLs: peers[m.Name], DataDir: dataDir})
	}
	return members, highest, nil
}
