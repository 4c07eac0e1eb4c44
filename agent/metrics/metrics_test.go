package metrics

import (
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/status"
)

var update = flag.Bool("update", false, "rewrite the table in docs/metrics.md")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// full has everything that can be known.
func full() Facts {
	yes, no := true, false
	taken := noon.Add(-time.Hour)
	return Facts{
		Started: noon.Add(-24 * time.Hour), Looked: noon.Add(-time.Minute), LookTook: 1500 * time.Millisecond, SpoolLimit: 20 << 30, Defrag: &Reclaimable{100 << 20, 0.2},
		Status: status.Status{Verdict: status.AtRisk, Reasons: []string{"store nas could not be read: it is away"},
			Members: []status.Member{{ID: "a1", Odd: "differs"}},
			Stores: []status.Store{{Name: "primary", LastSuccess: &taken, LastProven: &status.Proven{TakenAt: taken, Level: 3}, Snapshots: 720, Wrong: []string{"one"}},
				{Name: "nas", Spooled: 3, Error: "away", LastProven: &status.Proven{TakenAt: noon.Add(-5 * time.Hour), Level: 2}}},
			SetAside:   []status.Aside{{ID: "x"}},
			LastProven: &status.Proven{TakenAt: taken, Revision: 120001, Level: 3, Store: "primary"}},
		Jobs: []Job{{Name: "snapshot", Interval: time.Hour, Next: noon.Add(time.Hour), Running: true, Started: noon.Add(-time.Hour), Ended: noon.Add(-59 * time.Minute), OK: true, Success: noon.Add(-59 * time.Minute)}},
		Probe: Probe{At: noon, Reached: true, Holder: "cp-1", Task: "snapshot", SpoolBytes: 3 << 20,
			Certificates: []Certificate{{"client", noon.Add(60 * 24 * time.Hour)}, {"client", noon.Add(30 * 24 * time.Hour)}},
			Members: []Member{{ID: "a1", Name: "cp-1", Role: "leader", Version: "3.6.16", Answered: true, Healthy: true, DBSize: 2 << 30, DBInUse: 1 << 30, Quota: 8 << 30,
				Revision: 120002, Lag: 3, Alarms: []string{"NOSPACE"}, LeaderChanges: 2, Sync: Histogram{Count: 10, Sum: 0.1, Buckets: map[float64]uint64{0.001: 4, 0.002: 9}}}}},
		Stores: map[string]Store{"primary": {Versioned: &yes, Locked: &no, CreateOnly: &yes, ReadBack: Proof{At: noon.Add(-7 * time.Hour), TakenAt: noon.Add(-8 * time.Hour)},
			Drilled: Proof{At: noon.Add(-48 * time.Hour), TakenAt: noon.Add(-49 * time.Hour), Took: 20 * time.Second}, Held: "other_cluster", HeldSince: noon.Add(-72 * time.Hour), Pruned: noon.Add(-96 * time.Hour)}},
	}
}

// counted makes metrics in which everything was counted once.
func counted(facts Facts) *Metrics {
	m := New("prod", "1.2.3", func() Facts { return facts })
	m.Expect([]string{"snapshot", "verify"}, []string{"primary", "nas"})
	m.RunEnded("snapshot", Done, 42*time.Second, 2)
	m.Stored("primary", 1<<20)
	m.Beat("success", "sent")
	return m
}

func textOf(t *testing.T, m *Metrics) string {
	t.Helper()
	text, err := m.text()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLint checks the names and the help against Prometheus' conventions, and that every metric appears once everything is known.
func TestLint(t *testing.T) {
	m := counted(full())
	problems, err := testutil.GatherAndLint(m.own)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	text := textOf(t, m)
	for _, f := range All() {
		if !strings.Contains(text, "\n# TYPE "+prefix+f.Name+" ") && !strings.HasPrefix(text, "# TYPE "+prefix+f.Name+" ") {
			t.Errorf("%s does not appear", f.Name)
		}
		if cluster := strings.HasPrefix(f.Name, "cluster_"); cluster != (f.Scope == OfCluster) {
			t.Errorf("%s is of the %s", f.Name, f.Scope)
		}
	}
}

// TestValues checks what the queries of the alerts rest on.
func TestValues(t *testing.T) {
	text := textOf(t, counted(full()))
	at := func(d time.Duration) string { return regexp.QuoteMeta(fmt.Sprint(float64(noon.Add(d).Unix()))) }
	for _, want := range []string{
		`etcdward_build_info{cluster="prod",goversion="go[^"]+",version="1.2.3"} 1`,
		`etcdward_status{cluster="prod",verdict="AT_RISK"} 1`, `etcdward_status{cluster="prod",verdict="PROTECTED"} 0`,
		`etcdward_cluster_store_proven_timestamp_seconds{cluster="prod",level="3",store="primary"} ` + at(-time.Hour),
		`etcdward_cluster_store_proven_timestamp_seconds{cluster="prod",level="4",store="primary"} ` + at(-8*time.Hour),
		`etcdward_cluster_store_proven_timestamp_seconds{cluster="prod",level="5",store="primary"} ` + at(-49*time.Hour),
		`etcdward_cluster_store_last_success_timestamp_seconds{cluster="prod",store="nas"} ` + at(-5*time.Hour),
		`etcdward_cluster_store_verified_timestamp_seconds{cluster="prod",store="primary"} ` + at(-7*time.Hour),
		`etcdward_store_reachable{cluster="prod",store="nas"} 0`, `etcdward_spool_snapshots{cluster="prod",store="nas"} 3`,
		`etcdward_job_runs_total{cluster="prod",result="failed",task="verify"} 0`, `etcdward_job_missed_runs_total{cluster="prod",task="snapshot"} 2`,
		`etcdward_job_interval_seconds{cluster="prod",task="snapshot"} 3600`,
		`etcdward_cluster_member_data_differs{cluster="prod",member="cp-1"} 1`, `etcdward_cluster_member_alarm{alarm="NOSPACE",cluster="prod",member="cp-1"} 1`,
		`etcdward_cluster_member_alarm{alarm="CORRUPT",cluster="prod",member="cp-1"} 0`,
		`etcdward_cluster_member_wal_fsync_duration_seconds_bucket{cluster="prod",member="cp-1",le="0.002"} 9`,
		`etcdward_certificate_expiry_timestamp_seconds{cluster="prod",role="client"} ` + at(30*24*time.Hour),
		`etcdward_prune_held{cluster="prod",reason="other_cluster",store="primary"} 1`,
	} {
		want = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want)
		if !regexp.MustCompile("(?m)^" + want + "$").MatchString(text) {
			t.Errorf("lacks %s", want)
		}
	}
	if regexp.MustCompile(`store_(snapshots|findings)\{[^}]*"nas"`).MatchString(text) {
		t.Error("a store that could not be read has a number of snapshots")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestNothingKnown checks that an agent that saw nothing yet claims nothing.
func TestNothingKnown(t *testing.T) {
	text := textOf(t, New("prod", "1.2.3", func() Facts { return Facts{} }))
	if n := strings.Count(text, "# TYPE"); n != 4 {
		t.Errorf("%d metrics, and only the build, the time, the limit and the reload are known:\n%s", n, text)
	}
}

// TestHostile checks that whatever etcd and the configuration hold stays bounded and scrapeable.
func TestHostile(t *testing.T) {
	facts := full()
	long := strings.Repeat("é", 4000) + "\x00\xff\n\"\\"
	facts.Probe.Holder, facts.Probe.Task = long, long
	facts.Probe.Members = nil
	for i := range 1000 {
		facts.Probe.Members = append(facts.Probe.Members, Member{ID: fmt.Sprintf("%016x", i), Name: []string{"same", "", long, "\xff\xfe"}[i%4], Version: long, Role: long, Answered: true, LeaderChanges: -1})
		facts.Stores[fmt.Sprint("store", i)] = Store{}
	}
	m := counted(facts)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || w.Body.Len() > 256<<10 {
		t.Errorf("code %d, %d bytes", w.Code, w.Body.Len())
	}
	if n := strings.Count(w.Body.String(), "\netcdward_cluster_member_healthy{"); n != mostMembers {
		t.Errorf("%d members are exported", n)
	}
	if _, err := testutil.GatherAndLint(m.own); err != nil {
		t.Error(err)
	}
}

// TestWriteFile checks that node_exporter, another user, can read the file, and that it has nothing that node_exporter has itself.
func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcdward.prom")
	m := counted(full())
	for range 2 {
		if err := m.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "etcdward_status") || regexp.MustCompile(`(?m)^(go|process)_`).Match(text) {
		t.Errorf("%v\n%s", err, text)
	}
	if beside, err := os.ReadDir(filepath.Dir(path)); err != nil || len(beside) != 1 {
		t.Errorf("%v %v", beside, err)
	}
	if err := m.WriteFile("/proc/none.prom"); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
		t.Errorf("a folder that cannot be written to: %v", err)
	}
}

// TestDocs checks that docs/metrics.md names every metric; -update writes its table anew.
func TestDocs(t *testing.T) {
	var table strings.Builder
	for _, scope := range []Scope{OfCluster, OfHost} {
		fmt.Fprintf(&table, "### Of the %s\n\n| metric | labels | meaning |\n|---|---|---|\n", scope)
		for _, f := range All() {
			if f.Scope != scope {
				continue
			}
			labels := ""
			for _, l := range f.Labels {
				labels += " `" + l + "`"
			}
			fmt.Fprintf(&table, "| `%s%s` |%s | %s |\n", prefix, f.Name, labels, f.Help)
		}
		table.WriteString("\n")
	}
	const path, begin, end = "../../docs/metrics.md", "<!-- begin of the list, which a test writes -->\n", "<!-- end of the list -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/metrics.md lacks the marks of the list")
	}
	want := head + begin + "\n" + table.String() + end + tail
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("docs/metrics.md is out of date: go test ./agent/metrics -run Docs -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkScrape(b *testing.B) {
	facts := full()
	facts.Status.Stores[0].Snapshots = 10000
	m := counted(facts)
	handler := m.Handler()
	for b.Loop() {
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil)); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
