package etcd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

// connect gives a connection of an agent's own to a test's cluster.
func connect(t *testing.T, c *cluster.Cluster, endpoints ...string) *Cluster {
	t.Helper()
	if len(endpoints) == 0 {
		endpoints = c.Endpoints()
	}
	own, err := New(Options{Endpoints: endpoints, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile, CallTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	return own
}

// dial opens a cluster by the seeds given, or by all.
func dial(t *testing.T, c *cluster.Cluster, seeds ...string) *Cluster {
	t.Helper()
	if len(seeds) == 0 {
		seeds = c.Endpoints()
	}
	conn, err := New(Options{Endpoints: seeds, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func survey(t *testing.T, c *Cluster) Survey {
	t.Helper()
	s, err := c.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// member finds one by its name.
func (s Survey) member(t *testing.T, name string) Member {
	t.Helper()
	i := slices.IndexFunc(s.Members, func(m Member) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("no member %s in %+v", name, s.Members)
	}
	return s.Members[i]
}

func TestSurvey(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Args: []string{cluster.NoFsync}})
			c.FillKubernetes(t, 30)
			conn := dial(t, c, c.Members[0].ClientURL) // one seed is enough
			s := survey(t, conn)
			leader := c.Leader(t)
			if len(s.Members) != 3 || s.Leader != leader.ID || !s.Quorum() {
				t.Fatalf("survey %+v", s)
			}
			for _, m := range c.Members {
				got := s.member(t, m.Name)
				wantRole := RoleFollower
				if m == leader {
					wantRole = RoleLeader
				}
				if got.Err != nil || got.ID != m.ID || got.Role != wantRole || !strings.HasPrefix(got.Version, version+".") || got.Revision < 30 ||
					got.DBSize <= 0 || got.DBInUse <= 0 || got.RaftIndex == 0 || got.RaftTerm == 0 || !got.Local {
					t.Errorf("member %+v", got)
				}
			}

			// Alarms are distinguished by member; their text differs from version to version.
			raise(t, c.Members[1], pb.AlarmType_NOSPACE)
			s = survey(t, conn)
			if got := s.member(t, c.Members[1].Name).Alarms; !slices.Equal(got, []string{AlarmNoSpace}) {
				t.Errorf("alarms of %s: %q", c.Members[1].Name, got)
			}
			if got := s.member(t, c.Members[2].Name).Alarms; len(got) != 0 {
				t.Errorf("alarms of %s: %q", c.Members[2].Name, got)
			}
			// An alarm of a removed member, or from before a restore, stays as well.
			raiseFor(t, c.Members[1], 4711, pb.AlarmType_NOSPACE)
			raise(t, c.Members[2], pb.AlarmType_NOSPACE)
			s = survey(t, conn)
			if want := []Alarm{{4711, AlarmNoSpace}}; !slices.Equal(s.Strays, want) || !s.Stray(AlarmNoSpace) || s.Stray(AlarmCorrupt) {
				t.Errorf("strays: %v, want %v", s.Strays, want)
			}

			c.Members[2].Kill()
			if got := survey(t, conn).member(t, c.Members[2].Name).Alarms; !slices.Equal(got, []string{AlarmNoSpace}) {
				t.Errorf("alarms of %s, which was killed: %q", c.Members[2].Name, got)
			}
			// A connection that was being made when the process ended is reset; the next one is refused.
			await.Until(t, time.Minute, "be refused by the killed member", func() bool {
				got := survey(t, conn).member(t, c.Members[2].Name)
				if got.Err == nil || got.Role != RoleUnknown {
					t.Errorf("killed member: %+v", got)
				}
				return got.Err != nil && strings.Contains(got.Err.Error(), "connection refused")
			})
		})
	}
}

// raise has etcd raise an alarm.
func raise(t *testing.T, m *cluster.Member, alarm pb.AlarmType) {
	t.Helper()
	raiseFor(t, m, m.ID, alarm)
}

// raiseFor has m raise an alarm for a member.
func raiseFor(t *testing.T, m *cluster.Member, id uint64, alarm pb.AlarmType) {
	t.Helper()
	_, err := pb.NewMaintenanceClient(m.Client(t).ActiveConnection()).Alarm(t.Context(),
		&pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, MemberID: id, Alarm: alarm})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWithoutQuorum(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	conn := dial(t, c)
	c.Members[0].Kill()
	c.Members[1].Kill()
	var s Survey
	await.Until(t, time.Minute, "lose the quorum", func() bool { s = survey(t, conn); return !s.Quorum() })
	alive := s.member(t, c.Members[2].Name)
	if alive.Err != nil || !alive.Local {
		t.Fatalf("the member that is alive: %+v", alive)
	}
	candidates, _, err := Choose(s, SourceFollower)
	if err != nil || len(candidates) != 1 || !candidates[0].Emergency || candidates[0].Member.Name != alive.Name {
		t.Errorf("candidates %+v %v", candidates, err)
	}
	var file bytes.Buffer
	if _, err := conn.Snapshot(t.Context(), alive, &file, nil); err != nil || file.Len()%512 != 32 {
		t.Errorf("emergency snapshot: %d bytes %v", file.Len(), err)
	}
	if err := conn.Confirm(t.Context(), alive); err == nil {
		t.Error("a member without quorum was confirmed")
	}
}

// TestCertificates checks that a renewed certificate is used without a restart and that a failing one is named.
func TestCertificates(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	conn := dial(t, c)
	survey(t, conn)
	c.ExpireClientCertificate(t)
	c.Members[0].Restart() // which ends the connections
	_, err := conn.Survey(t.Context())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "certificate expired at") || !strings.Contains(err.Error(), c.CertFile) {
		t.Errorf("with an expired certificate: %v", err)
	}
	c.RotateCertificates(t)
	survey(t, conn)

	wrongCA := filepath.Join(t.TempDir(), "ca.crt")
	other := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	text, err := os.ReadFile(other.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wrongCA, text, 0o600); err != nil {
		t.Fatal(err)
	}
	stranger, err := New(Options{Endpoints: c.Endpoints(), CAFile: wrongCA, CertFile: c.CertFile, KeyFile: c.KeyFile})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Survey(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("with another CA: %v", err)
	}
}

// TestStreamEnds checks that a stream ends with its context and with its writer, and a call with its deadline.
func TestStreamEnds(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 50)
	conn := dial(t, c)
	m := survey(t, conn).Members[0]

	ctx, cancel := context.WithCancel(t.Context())
	cancelled := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if _, err := conn.Snapshot(ctx, m, cancelled, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled stream: %v", err)
	}
	full := errors.New("disk full")
	if _, err := conn.Snapshot(t.Context(), m, writerFunc(func([]byte) (int, error) { return 0, full }), nil); !errors.Is(err, full) {
		t.Errorf("stream to a full disk: %v", err)
	}
	c.Members[0].Pause()
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if err := conn.Confirm(ctx, m); !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "deadline") {
		t.Errorf("a member that stands still: %v", err)
	}
	c.Members[0].Resume()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestLyingMember checks that no member is mistaken for another, although all three advertise the URL of the
// first.
func TestLyingMember(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	conn := dial(t, c, c.Members[0].ClientURL)
	s := survey(t, conn)
	liar := s.member(t, c.Members[1].Name)
	got := conn.visit(t.Context(), &pb.Member{ID: liar.ID, Name: liar.Name, ClientURLs: []string{c.Members[0].ClientURL}}, "", s.ClusterID)
	if got.Err == nil || !strings.Contains(got.Err.Error(), "member "+HexID(c.Members[0].ID)+" answers there") {
		t.Errorf("%+v", got)
	}
	// Nobody listens at the first of two URLs.
	dead := "https://" + port.Free(t, "127.0.0.1")
	got = conn.visit(t.Context(), &pb.Member{ID: liar.ID, Name: liar.Name, ClientURLs: []string{dead, c.Members[1].ClientURL}}, "", s.ClusterID)
	if got.Err != nil || got.Endpoint != c.Members[1].ClientURL {
		t.Errorf("the second URL was not tried: %+v", got)
	}
}
