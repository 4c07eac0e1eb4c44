package plan

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func mustPlan(t testing.TB, d Draft) Plan {
	t.Helper()
	p, err := New(d, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func smallDraft() Draft {
	return Draft{Cluster: "prod", Members: []Member{
		{Name: "b", PeerURLs: []string{"https://10.0.0.2:2380"}, DataDir: "/var/lib/etcd"},
		{Name: "a", PeerURLs: []string{"https://10.0.0.1:2380"}, DataDir: "/var/lib/etcd"},
	}, Source: Source{ID: "20261122T100000Z-120001", Store: "primary", SHA256: strings.Repeat("0a", 32), SizeBytes: 4128,
		TakenAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Revision: 120001, EtcdVersion: "3.6.16", StorageVersion: "3.6.0"}}
}

// TestBump holds that the revision clears every one that was ever seen.
func TestBump(t *testing.T) {
	for _, c := range []struct {
		name           string
		highest, given int64
		want           int64 // 0: refused
	}{
		{"default", 0, 0, DefaultBump},
		{"later snapshots", 500_000, 0, DefaultBump},
		{"a restore before", 5_000_000_000, 0, 5_000_000_000 - 120001 + DefaultBump},
		{"too little headroom", 120001 + DefaultBump - headroom + 1, 0, DefaultBump - headroom + 1 + DefaultBump},
		{"given", 0, 5, 5},
		{"given, and just enough", 130_001, 10_001, 10_001},
		{"given, and not enough", 130_001, 10_000, 0},
		{"negative", 0, -1, 0},
		{"out of range", math.MaxInt64/2 + 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := smallDraft()
			d.HighestRevision, d.RevisionBump = c.highest, c.given
			p, err := New(d, time.Now())
			if (err != nil) != (c.want == 0) || err == nil && p.RevisionBump != c.want {
				t.Errorf("bump %d, error %v, want %d", p.RevisionBump, err, c.want)
			}
		})
	}
}

// TestPlanFile holds that a plan is read back as it was written, and refused once it was changed.
func TestPlanFile(t *testing.T) {
	p := mustPlan(t, smallDraft())
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || !reflect.DeepEqual(got, p) || got.InitialCluster() != "a=https://10.0.0.1:2380,b=https://10.0.0.2:2380" {
		t.Fatalf("%v\n%+v\n%+v", err, got, p)
	}
	for _, c := range []struct{ name, from, to, says string }{
		{"bump", "revision_bump: 1000000000", "revision_bump: 1000000001", "changed after it was made"},
		{"token", "token: etcdward-", "token: mine-", "changed after it was made"},
		{"peer", "10.0.0.2", "10.0.0.3", "changed after it was made"},
		{"unknown key", "cluster: prod", "cluster: prod\ncolour: red", "plan.yaml:7:1: unknown key colour"},
		{"twice", "cluster: prod", "cluster: prod\ncluster: prod", "plan.yaml:7:1"},
		{"type", "format: 1", "format: one", "plan.yaml:3:"},
		{"no yaml", "format: 1", "format: [", "plan.yaml"},
		{"nothing", string(text), "", "plan.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(string(text), c.from, c.to, 1)
			if changed == string(text) {
				t.Fatalf("%q is not in\n%s", c.from, text)
			}
			_, err := decodePlan("plan.yaml", []byte(changed))
			var way interface{ Hint() string }
			if err == nil || !strings.Contains(err.Error(), c.says) || !errors.As(err, &way) {
				t.Errorf("error %v lacks %q", err, c.says)
			}
			if strings.Contains(c.says, "changed") != errors.Is(err, ErrEdited) {
				t.Errorf("ErrEdited: %t", errors.Is(err, ErrEdited))
			}
		})
	}
}

// TestPlanLayoutDoesNotCount holds that only the content of a plan is hashed.
func TestPlanLayoutDoesNotCount(t *testing.T) {
	p := mustPlan(t, smallDraft())
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	crlf := strings.ReplaceAll(string(text), "\n", "\r\n") + "\r\n# copied by hand\r\n"
	if got, err := decodePlan("plan.yaml", []byte(crlf)); err != nil || got.SHA256 != p.SHA256 {
		t.Errorf("%v", err)
	}
}

func TestWrongMembers(t *testing.T) {
	for _, text := range []string{"", "a", "a=", "=https://h:2380", "a=ftp://h:2380", "a=https://h", "a=https://h:2380/x", "a b=https://h:2380",
		"a=https://u:p@h:2380", "a=https://h:2380,https://h:2380", "-=https://h:2380", "a=https://h:99999", "a=https://h:0", "a=https://0.0.0.0:2380",
		"a=https://[::]:2380", "a=https://:2380", "a$(reboot)=https://h:2380"} {
		if m, err := ParseMembers([]string{text}, "/var/lib/etcd"); err == nil {
			t.Errorf("%q: %+v", text, m)
		}
	}
	if m, err := ParseMembers([]string{"cp-1.eu=https://h:2380,https://i:2380", "nöde_2/é=https://[fd00::1]:2380"}, "/var/lib/etcd"); err != nil || len(m) != 2 || len(m[0].PeerURLs) != 2 {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := ParseMembers([]string{"a=https://h:2380", "a=https://i:2380"}, "/var/lib/etcd"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one name twice: %v", err)
	}
	if m, err := ParseMembers(nil, "/var/lib/etcd"); err != nil || m != nil {
		t.Errorf("none: %+v %v", m, err)
	}
	d := smallDraft()
	d.Members[0].DataDir = "etcd"
	if _, err := New(d, time.Now()); err == nil {
		t.Error("a relative data directory")
	}
}

func FuzzPlan(f *testing.F) {
	p, err := New(smallDraft(), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	text, err := p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := decodePlan("plan.yaml", text); err == nil && got.sum() != got.SHA256 {
			t.Errorf("accepted %q", text)
		}
	})
}
