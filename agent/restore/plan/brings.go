package plan

import (
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// Warnings says what a cluster restored from a file takes over beside its data, and what to do about each. Alarms, the authentication and a
// downgrade are etcd's own keys, which a restore leaves as they are; the members it makes anew.
func Warnings(o snapshot.Origin) []string {
	var all []string
	if len(o.Alarms) > 0 {
		all = append(all, AlarmsText(o.Alarms))
	}
	if o.Downgrade != "" {
		all = append(all, fmt.Sprintf("the snapshot has a downgrade to etcd %s in progress: the restored cluster goes on with it, and may refuse members of a newer version, until etcdctl downgrade cancel", o.Downgrade))
	}
	if o.AuthEnabled {
		all = append(all, "the snapshot has authentication on: clients of the restored cluster need its users and passwords of that time, and etcdward cluster.username with the role root")
	}
	if learners := o.Learners(); len(learners) > 0 {
		all = append(all, fmt.Sprintf("the cluster of the snapshot had the learner %s: the restored one begins without; add it with etcdctl member add --learner", strings.Join(learners, ", ")))
	}
	return all
}
