package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// Cluster is what is asked of a living etcd. *etcd.Cluster is one.
type Cluster interface {
	Survey(ctx context.Context) (etcd.Survey, error)
	Peers(ctx context.Context) (map[string][]string, error)
}

// members finds the members, and the newest revision that a living one has.
func (p *Planner) members(ctx context.Context, r Request, origin snapshot.Origin) (members []plan.Member, highest int64, err error) {
	live, highest, leftOut, why := p.living(ctx, r.DataDir)
	host, noHost := kubeadm.Read(r.Manifests, "")
	recorded := p.onRecord(origin, r.DataDir)
	if noHost == nil {
		for i := range live {
			live[i].DataDir = host.DataDir // kubeadm sets all hosts up alike
		}
		for i := range recorded {
			recorded[i].DataDir = host.DataDir
		}
	}
	switch {
	case len(r.Members) > 0:
		p.Tell("Members as given with --member.")
		return r.Members, highest, nil
	case len(live) > 0:
		p.Tell("Members as the living cluster has them.")
		if leftOut != "" {
			p.Tell("Without %s, learners or never started: add them to the restored cluster (etcdctl member add).", leftOut)
		}
		return live, highest, nil
	case len(recorded) > 0:
		p.Tell("No member answers (%v).\nMembers as the file has them on record: if others joined later, or some are not to come back, give all with --member.", why)
		return recorded, highest, nil
	case noHost == nil:
		p.Tell("No member answers (%v).\nMembers as %s has them from this host's joining: if others joined later, give all with --member.", why, r.Manifests)
		members, err := host.MembersOf()
		return members, highest, err
	}
	return nil, 0, fault.WithHint(errors.Join(why, noHost), "name every member of the new cluster with --member NAME=https://HOST:2380; where only a data directory is left, --data-dir-of MEMBER makes the plan of it")
}

// living asks the cluster, of which one member that answers is enough. highest is the newest revision of those that answered. leftOut
// names the members that a restored cluster begins without.
func (p *Planner) living(ctx context.Context, dataDir string) (members []plan.Member, highest int64, leftOut string, err error) {
	if p.Cluster == nil {
		return nil, 0, "", errNoCluster
	}
	cluster, err := p.Cluster()
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
			others = append(others, shown(m.Name))
			continue // a restored cluster begins with voters; others are added to it
		}
		if len(peers[m.Name]) == 0 {
			return nil, highest, "", fmt.Errorf("member %s has no peer URL", m.Name)
		}
		members = append(members, plan.Member{Name: m.Name, PeerURLs: peers[m.Name], DataDir: dataDir})
	}
	return members, highest, strings.Join(others, ", "), nil
}

// shown is a name as a terminal may have it: etcd takes any, a control character among them.
func shown(name string) string {
	if plan.ValidName(name) {
		return name
	}
	return fmt.Sprintf("%.70q", name)
}
