package backup

import (
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// makePrintable escapes what etcd takes in the name of a member and a manifest does not hold: no name keeps a cluster from being backed up.
func makePrintable(m *snapshot.Manifest) {
	m.Member.Name = etcd.Printable(m.Member.Name)
	for i := range m.Checks {
		m.Checks[i].Detail = etcd.Printable(m.Checks[i].Detail)
	}
}
