package prometheus

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/page"
	"github.com/etcdward/etcdward/test/port"
	"github.com/etcdward/etcdward/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// server is a running Prometheus.
type server struct {
	address string
	said    *program.Log
}

// start runs Debian's prometheus on targets, with the project's own alerts, whose waiting times are left out so that a test need not wait for days.
func start(t *testing.T, targets ...string) *server {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus is missing: apt-get install prometheus")
		}
		t.Skip("prometheus is missing: apt-get install prometheus")
	}
	rules, err := os.ReadFile("../../packaging/prometheus/etcdward.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yaml]\nscrape_configs:\n"+
		"  - job_name: etcdward\n    static_configs: [{targets: [%s]}]\n", strings.Join(targets, ", "))
	for name, text := range map[string]string{"prometheus.yaml": config, "rules.yaml": regexp.MustCompile(`(?m)^ +for: .*\n`).ReplaceAllString(string(rules), "")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{address: port.Free(t, "127.0.0.1"), said: new(program.Log)}
	cmd := exec.Command(path, "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+s.address)
	cmd.Stdout, cmd.Stderr = s.said, s.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	await.Until(t, 30*time.Second, s.said, func() bool { return strings.Contains(s.said.String(), "Server is ready") })
	return s
}

// ask reads the answer of an endpoint of the API into v.
func (s *server) ask(t *testing.T, path string, v any) {
	t.Helper()
	code, text := page.Get(t, "http://"+s.address+"/api/v1/"+path)
	answer := struct {
		Status, Error string
		Data          any
	}{Data: v}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s: %d %v %s", path, code, err, text)
	}
}

// query returns how many series an expression has now.
func (s *server) query(t *testing.T, expr string) int {
	t.Helper()
	var data struct{ Result []json.RawMessage }
	s.ask(t, "query?query="+url.QueryEscape(expr), &data)
	return len(data.Result)
}

// firing returns the alerts that fire now, with one of their labels for each.
func (s *server) firing(t *testing.T) map[string]bool {
	t.Helper()
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	s.ask(t, "alerts", &data)
	all := map[string]bool{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			all[a.Labels["alertname"]] = true
		}
	}
	return all
}
