package cluster

import "testing"

// Restore returns a cluster of one member, of the given version ("" is 3.6),
// that runs on what `etcdutl snapshot restore` makes of the file. Further flags
// of that command may follow, such as --bump-revision=1000.
func Restore(t testing.TB, version, snapshotFile string, flags ...string) *Cluster {
	t.Helper()
	c := prepare(t, Options{Version: version})
	m := c.addMember(t, "m1")
	m.bootstrap = []string{"--initial-cluster=" + c.initialCluster()}
	args := []string{
		"snapshot", "restore", snapshotFile,
		"--name=" + m.Name,
		"--data-dir=" + m.DataDir,
		"--initial-advertise-peer-urls=" + m.PeerURL,
		"--initial-cluster-token=" + c.token,
	}
	c.Etcdutl(t, append(append(args, m.bootstrap...), flags...)...)
	m.launch(t)
	c.settle(t)
	return c
}
