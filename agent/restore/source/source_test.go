package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	goleak.VerifyTestMain(m)
}

// planner that writes down what it tells.
func planner(told *strings.Builder) *Planner {
	return &Planner{ClusterName: "test", Tell: func(format string, args ...any) { fmt.Fprintf(told, format+"\n", args...) }}
}

// TestMembers takes the members from the operator, else from a living cluster, else from the file, else from nowhere.
func TestMembers(t *testing.T) {
	living := cluster{survey: etcd.Survey{Members: []etcd.Member{{Name: "a", Revision: 7}, {Name: "l", Learner: true}, {Name: "\x1b[2J", Role: etcd.RoleUnstarted}}},
		peers: map[string][]string{"a": {"http://10.0.0.1:2380"}}}
	given := []plan.Member{{Name: "g", PeerURLs: []string{"http://10.0.0.9:2380"}, DataDir: "/d"}}
	recorded := snapshot.Origin{Members: []snapshot.OriginMember{{Name: "r", PeerURLs: []string{"http://10.0.0.2:2380"}}, {Name: "rl", PeerURLs: []string{"http://10.0.0.3:2380"}, Learner: true}}}
	for name, c := range map[string]struct {
		cluster *cluster
		given   []plan.Member
		origin  snapshot.Origin
		want    string
		says    string
	}{
		"given":              {&living, given, recorded, "[g] up to 7", "as given"},
		"living":             {&living, nil, recorded, "[a] up to 7", `Without l, "\x1b[2J", learners`},
		"on record":          {&cluster{err: errors.New("nobody")}, nil, recorded, "[r] up to 0", "on record"},
		"no configuration":   {nil, nil, recorded, "[r] up to 0", "on record"},
		"nowhere":            {nil, nil, snapshot.Origin{}, "error: no configuration names an etcd", ""},
		"no names on record": {nil, nil, snapshot.Origin{Members: []snapshot.OriginMember{{Name: "\x1b[2J", PeerURLs: []string{"http://h:1"}}}}, "error: ", "cannot be used"},
	} {
		var told strings.Builder
		p := planner(&told)
		if c.cluster != nil {
			p.Cluster = func() (Cluster, error) { return c.cluster, nil }
		}
		members, highest, err := p.members(t.Context(), Request{Members: c.given, Manifests: t.TempDir(), DataDir: "/d"}, c.origin)
		var names []string
		for _, m := range members {
			names = append(names, m.Name)
		}
		got := fmt.Sprintf("%v up to %d", names, highest)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want && !(err != nil && strings.HasPrefix(got, c.want)) || !strings.Contains(told.String(), c.says) {
			t.Errorf("%s: got %s, want %s\n%s", name, got, c.want, told.String())
		}
		if strings.Contains(told.String(), "\x1b") {
			t.Errorf("%s: a control character was told", name)
		}
	}
}

// cluster is one that answers what it is told to.
type cluster struct {
	survey etcd.Survey
	peers  map[string][]string
	err    error
}

func (c *cluster) Survey(context.Context) (etcd.Survey, error)        { return c.survey, c.err }
func (c *cluster) Peers(context.Context) (map[string][]string, error) { return c.peers, c.err }

// TestNoCopyIsLeft removes the copy of a database of which no plan was made.
func TestNoCopyIsLeft(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "member", "snap", "db")
	if err := errors.Join(os.MkdirAll(filepath.Dir(db), 0o700), os.WriteFile(db, make([]byte, 8192), 0o600)); err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	r := Request{DataDirOf: "m", DataDir: dir, DataDirGiven: true, Manifests: dir, File: filepath.Join(t.TempDir(), "plan.db")}
	_, err := planner(&told).Plan(t.Context(), r, time.Now())
	if !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(r.File); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy was left: %v", err)
	}
	if err := os.WriteFile(r.File, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := planner(&told).Plan(t.Context(), r, time.Now()); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	if _, err := os.Stat(r.File); err != nil {
		t.Errorf("a file of another's was removed: %v", err)
	}
}

// TestOwnStoreFirst asks the store of the plan before the others.
func TestOwnStoreFirst(t *testing.T) {
	var names []string
	for _, s := range ownFirst([]stores.Store{{Name: "a"}, {Name: "b"}, {Name: "c"}}, "b") {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "b a c" {
		t.Errorf("got %s", got)
	}
}
