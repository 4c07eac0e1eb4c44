package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/backup"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
)

// fill writes values, one of which spoil finds on a member's disk.
func fill(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	cli := c.Client(t)
	for i := range 30 {
		if _, err := cli.Put(t.Context(), fmt.Sprintf("/registry/configmaps/%d", i), fmt.Sprintf("value-GOODGOOD-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// spoil gives a member other bytes in one value, on its disk, as a failing disk or a bug does: no alarm is raised. with has the length of
// GOODGOOD.
func spoil(t *testing.T, m *cluster.Member, with string) {
	t.Helper()
	m.Stop()
	path := filepath.Join(m.DataDir, "member", "snap", "db")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(text, []byte("GOODGOOD-7"), []byte(with+"-7"))
	if bytes.Equal(changed, text) {
		t.Fatal("the value is not in the file")
	}
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	m.Start()
}

// snapshotter is that of a host whose configuration has these sections more.
func snapshotter(t *testing.T, c *cluster.Cluster, sections ...string) *backup.Snapshotter {
	t.Helper()
	r, err := host.New(t, c, sections...).Parts(t).Round(false)
	if err != nil {
		t.Fatal(err)
	}
	return r.Snapshotter
}

func take(t *testing.T, s *backup.Snapshotter) snapshot.Manifest {
	t.Helper()
	m, err := s.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// want holds a manifest to a level, and to words about its comparison.
func want(t *testing.T, m snapshot.Manifest, level int, words ...string) {
	t.Helper()
	said := ""
	for _, c := range m.Checks {
		if c.Name == snapshot.CheckHashKV {
			said += fmt.Sprintf("%t: %s", c.OK, c.Detail)
		}
	}
	for _, o := range m.Inconclusive {
		said += "inconclusive: " + o.Detail
	}
	if got := snapshot.Level(m.Checks); got != level {
		t.Errorf("level %d of a snapshot of %s, want %d: %s", got, m.Member.Name, level, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("the comparison of a snapshot of %s lacks %q: %s", m.Member.Name, w, said)
		}
	}
}

func oddOf(m snapshot.Manifest) string {
	var names []string
	for _, o := range m.OddMembers {
		names = append(names, o.Name)
	}
	return strings.Join(names, " ")
}

// TestOneOddOfThree has one follower whose data are wrong.
func TestOneOddOfThree(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	fill(t, c)
	leader, followers := c.Leader(t), c.Followers(t)
	bad, good := followers[0], followers[1]
	s := snapshotter(t, c)
	want(t, take(t, s), 3, "equal on 1 of 1 members asked (1 answered)")

	spoil(t, bad, "BADBADBA")
	c.MoveLeader(t, leader)
	m := take(t, s) // the odd one is the first candidate, if all are equally far
	want(t, m, 3, "true: ", "equal on 2 of 3 members asked (3 answered)", "majority of 3 voters", bad.Name)
	if m.Member.Name != good.Name || oddOf(m) != bad.Name {
		t.Errorf("a snapshot of %s, odd: %q; %s is good and %s is not", m.Member.Name, oddOf(m), good.Name, bad.Name)
	}

	good.Stop()
	m = take(t, s)
	if m.Member.Name != bad.Name || m.Proven() {
		t.Errorf("a snapshot of %s, proven %t: only %s could serve, and the leader holds other data", m.Member.Name, m.Proven(), bad.Name)
	}
	want(t, m, 0, "false: ", "no majority of 3 voters", leader.Name+" against "+bad.Name)

	good.Start()
	bad.Stop()
	m = take(t, s)
	want(t, m, 3, "equal on 1 of 2 members asked (1 answered): "+leader.Name, bad.Name+": it did not answer")
	if oddOf(m) != "" {
		t.Errorf("odd: %q, which nobody could see", oddOf(m))
	}
}

// TestTwoMembers has nobody but the leader to ask, then nobody who agrees, then nobody at all.
func TestTwoMembers(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 2, Args: []string{cluster.NoFsync}})
	fill(t, c)
	follower := c.Followers(t)[0]
	s := snapshotter(t, c)
	want(t, take(t, s), 3, "equal on 1 of 1 members asked (1 answered): "+c.Leader(t).Name)
	spoil(t, follower, "BADBADBA")
	m := take(t, s)
	want(t, m, 0, "no majority of 2 voters")
	if oddOf(m) != "" {
		t.Errorf("odd: %q, and nobody can tell", oddOf(m))
	}
	follower.Stop()
	want(t, take(t, s), 2, "inconclusive: ", "no quorum")
}

func TestSingleMember(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	fill(t, c)
	want(t, take(t, snapshotter(t, c)), 2, "inconclusive: ", "the cluster has one member")
}

// TestBudget leaves the comparison out where HashKV is known to take too long, and says so.
func TestBudget(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 2, Args: []string{cluster.NoFsync}})
	fill(t, c)
	want(t, take(t, snapshotter(t, c, "verify: {hash_budget: 0s}")), 2, "inconclusive: ", "verify.hash_budget is 0s")
	s := snapshotter(t, c)
	want(t, take(t, s), 3)
	kept, err := os.ReadFile(s.PacePath)
	if err != nil || !strings.Contains(string(kept), `"seconds":0.`) {
		t.Fatalf("kept of the comparison: %s, %v", kept, err)
	}
	slow := strings.Replace(string(kept), `"seconds":0.`, `"seconds":100.`, 1)
	if err := os.WriteFile(s.PacePath, []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, take(t, s), 2, "inconclusive: ", "the last time", "verify.hash_budget is 10s")
	yesterday := strings.Replace(slow, `"at":"2`, `"at":"1`, 1)
	if err := os.WriteFile(s.PacePath, []byte(yesterday), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, take(t, s), 3) // measured anew
}

// interrupted is a cluster to which something happens between the end of a stream and the comparison.
type interrupted struct {
	*etcd.Cluster
	then func()
}

func (i interrupted) Snapshot(ctx context.Context, m etcd.Member, dst io.Writer, progress func(done, total int64)) (etcd.Stream, error) {
	s, err := i.Cluster.Snapshot(ctx, m, dst, progress)
	i.then()
	return s, err
}

// TestCompactedBetween compacts the members after the snapshot was streamed: it is compared with what the file would be after the same
// compaction, as far as that does not go beyond it.
func TestCompactedBetween(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Members: 2, Args: []string{cluster.NoFsync}})
			fill(t, c)
			cli := c.Client(t)
			var head int64
			change := func() {
				t.Helper()
				for range 3 {
					if _, err := cli.Put(t.Context(), "/registry/configmaps/3", "new"); err != nil {
						t.Fatal(err)
					}
				}
				gone, err := cli.Delete(t.Context(), "/registry/configmaps/4")
				if err != nil {
					t.Fatal(err)
				}
				head = gone.Header.Revision
			}
			compact := func(revision int64) func() {
				return func() {
					if _, err := cli.Compact(t.Context(), revision); err != nil {
						t.Errorf("compact at %d: %v", revision, err)
					}
				}
			}
			s := snapshotter(t, c)
			plain := s.Cluster.(*etcd.Cluster)
			change()
			s.Cluster = interrupted{plain, compact(head - 2)} // never compacted before
			want(t, take(t, s), 3, "equal on 1 of 1")
			change()
			s.Cluster = interrupted{plain, compact(head)} // to a deletion, the newest revision of the file
			want(t, take(t, s), 3, "equal on 1 of 1")
			s.Cluster = plain
			want(t, take(t, s), 3, "equal on 1 of 1") // to the newest revision, before it was taken
			change()
			s.Cluster = interrupted{plain, func() { change(); compact(head)() }}
			want(t, take(t, s), 2, "inconclusive: ", "compacted beyond the snapshot")
			s.Cluster = plain
			want(t, take(t, s), 3, "equal on 1 of 1")
		})
	}
}

// TestTwoOddOfFive has two of five members be wrong in the same way, and then one of the others be away.
func TestTwoOddOfFive(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 5, Args: []string{cluster.NoFsync}})
	fill(t, c)
	leader, followers := c.Leader(t), c.Followers(t)
	spoil(t, followers[0], "BADBADBA")
	spoil(t, followers[1], "BADBADBA")
	c.MoveLeader(t, leader)
	s := snapshotter(t, c)
	m := take(t, s)
	want(t, m, 3, "equal on 3 of 5 members asked (5 answered)", "majority of 5 voters")
	if oddOf(m) != followers[0].Name+" "+followers[1].Name {
		t.Errorf("odd: %q", oddOf(m))
	}
	followers[2].Stop()
	want(t, take(t, s), 0, "no majority of 5 voters", "(4 answered)")
}

// TestMemberHangs has a member take calls and answer none, as while it is defragmented, once the snapshot was streamed: it is not waited for, and the
// others are asked.
func TestMemberHangs(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	fill(t, c)
	s := snapshotter(t, c)
	source := take(t, s).Member.Name
	i := slices.IndexFunc(c.Followers(t), func(m *cluster.Member) bool { return m.Name != source })
	other := c.Followers(t)[i]
	s.Cluster = interrupted{s.Cluster.(*etcd.Cluster), other.Pause}
	m := take(t, s)
	other.Resume()
	if m.Member.Name == other.Name {
		t.Fatalf("the snapshot is of %s, which was to hang", other.Name)
	}
	want(t, m, 3, "equal on 1 of 2 members asked (1 answered): "+c.Leader(t).Name, other.Name+": it did not answer in time, as while it is defragmented")
	if kept, err := os.ReadFile(s.PacePath); err != nil || strings.Contains(string(kept), `"seconds":1`) {
		t.Errorf("a member that hangs was measured: %s, %v", kept, err)
	}
}
