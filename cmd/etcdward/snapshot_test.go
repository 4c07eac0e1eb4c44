package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestSnapshotEqualsEtcdctl takes a snapshot of an idle cluster of each version with etcdward and with etcdctl, and
// restores ours with that version's etcdutl, once fetched and once by hand.
func TestSnapshotEqualsEtcdctl(t *testing.T) {
	t.Parallel()
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Args: []string{cluster.NoFsync}})
			c.FillKubernetes(t, 300)
			c.AwaitStorageVersion(t)
			s := newSite(t, c)
			m := s.snapshot(t)
			if m.Member.Role != "follower" || !m.Proven() || m.Member.ID == "" {
				t.Errorf("member %+v, checks %+v", m.Member, m.Checks)
			}
			if level := snapshot.Level(m.Checks); level != 3 {
				t.Errorf("level %d: an idle cluster's hashes are comparable: %+v", level, m.Checks)
			}

			theirs := filepath.Join(t.TempDir(), "etcdctl.db")
			c.Followers(t)[0].Etcdctl(t, "snapshot", "save", theirs)
			var status struct {
				Hash, Revision, TotalKey, TotalSize int64
				Version                             string
			}
			out := c.Etcdutl(t, "snapshot", "status", theirs, "-w", "json")
			if err := json.Unmarshal([]byte(out), &status); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			hash, err := hex.DecodeString(m.StatusHash)
			if err != nil {
				t.Fatal(err)
			}
			ours := int64(hash[0])<<24 | int64(hash[1])<<16 | int64(hash[2])<<8 | int64(hash[3])
			if ours != status.Hash || m.Revision != status.Revision || m.TotalKeys != status.TotalKey || m.StorageVersion != status.Version {
				t.Errorf("etcdward: hash %d revision %d keys %d version %q\netcdutl:  %+v", ours, m.Revision, m.TotalKeys, m.StorageVersion, status)
			}

			fetched := filepath.Join(t.TempDir(), "fetched.db")
			s.must(t, "fetch", m.ID, "--output", fetched)
			byHand := filepath.Join(t.TempDir(), m.ID+".db")
			object := filepath.Join(s.store, m.Object.Key)
			if out, err := exec.Command("zstd", "-d", "-q", object, "-o", byHand).CombinedOutput(); err != nil {
				t.Fatalf("zstd: %v %s", err, out)
			}
			for _, path := range []string{fetched, byHand} {
				body, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != m.SHA256 || int64(len(body)) != m.SizeBytes {
					t.Errorf("%s: SHA-256 %x, %d bytes; the manifest says %s, %d", path, sum, len(body), m.SHA256, m.SizeBytes)
				}
				restored := filepath.Join(t.TempDir(), "data")
				c.Etcdutl(t, "snapshot", "restore", path, "--data-dir", restored)
			}
		})
	}
}

// TestNeverFromTheLeader moves the leader before each of ten snapshots.
func TestNeverFromTheLeader(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 50)
	s := newSite(t, c)
	for i := range 10 {
		leader := c.Members[i%3]
		if c.Leader(t) != leader {
			c.MoveLeader(t, leader)
		}
		if _, err := c.Members[(i+1)%3].Client(t).Put(t.Context(), "/registry/round", "x"); err != nil {
			t.Fatal(err)
		}
		m := s.snapshot(t)
		if m.Member.Name == leader.Name || m.Member.Role != "follower" {
			t.Errorf("round %d: leader %s, snapshot from %s (%s)", i, leader.Name, m.Member.Name, m.Member.Role)
		}
	}
}

// TestWhoServes stops members one by one.
func TestWhoServes(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 50)
	s := newSite(t, c, "log: {level: debug}")
	followers := c.Followers(t)

	t.Run("a member cut off from the quorum is not chosen", func(t *testing.T) {
		c.Isolate(t, followers[0])
		for range 3 {
			r := s.etcdward(t, "-o", "json", "snapshot")
			var m snapshot.Manifest
			if err := json.Unmarshal([]byte(r.out), &m); err != nil || r.code != 0 {
				t.Fatalf("exit %d %v\n%s", r.code, err, r.err)
			}
			if m.Member.Name != followers[1].Name {
				t.Errorf("snapshot from %s, cut off is %s", m.Member.Name, followers[0].Name)
			}
			if want := regexp.MustCompile(`passed over.*member=` + followers[0].Name + ` .*(cut off|takes .* for the leader|lags)`); !want.MatchString(r.err) {
				t.Errorf("the log does not say why %s was passed over:\n%s", followers[0].Name, r.err)
			}
			advance(t, c, followers[1])
		}
		c.Heal(t, followers[0])
	})

	t.Run("with one follower stopped the other serves", func(t *testing.T) {
		followers[1].Stop()
		m := s.snapshot(t)
		if m.Member.Name != followers[0].Name {
			t.Errorf("snapshot from %s, stopped is %s", m.Member.Name, followers[1].Name)
		}
		followers[1].Start()
	})

	t.Run("with only the leader left to serve it serves, and says so", func(t *testing.T) {
		for _, m := range c.Followers(t) {
			raiseCorrupt(t, m)
		}
		r := s.etcdward(t, "-o", "json", "snapshot")
		var m snapshot.Manifest
		if err := json.Unmarshal([]byte(r.out), &m); err != nil || r.code != 0 {
			t.Fatalf("exit %d %v\n%s", r.code, err, r.err)
		}
		if m.Member.Role != "leader" || !strings.Contains(m.Member.Reason, "no follower can serve") {
			t.Errorf("member %+v", m.Member)
		}
		if !strings.Contains(r.err, "level=WARN") || !strings.Contains(r.err, "no follower can serve") {
			t.Errorf("the log does not say so:\n%s", r.err)
		}
	})
}

// advance makes one write, so that the next snapshot has another ID.
func advance(t *testing.T, c *cluster.Cluster, m *cluster.Member) {
	t.Helper()
	if _, err := m.Client(t).Put(t.Context(), "/registry/advance", "x"); err != nil {
		t.Fatal(err)
	}
}

// raiseCorrupt has etcd raise the CORRUPT alarm for a member, as its own corruption check does.
func raiseCorrupt(t *testing.T, m *cluster.Member) {
	t.Helper()
	maintenance := pb.NewMaintenanceClient(m.Client(t).ActiveConnection())
	_, err := maintenance.Alarm(t.Context(), &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, MemberID: m.ID, Alarm: pb.AlarmType_CORRUPT})
	if err != nil {
		t.Fatal(err)
	}
}
