// Package prometheus tests the alerts: each is well formed, speaks of metrics that exist, says what to do, and fires when it should.
package prometheus

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/etcdward/etcdward/agent/metrics"
)

const rules, tests = "etcdward.rules.yaml", "etcdward.rules.test.yaml"

// Alert is one rule of the file.
type Alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []Alert {
	t.Helper()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []Alert
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []Alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// promtool runs it. It comes with Debian's prometheus.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing: apt-get install prometheus")
		}
		t.Skip("promtool is missing: apt-get install prometheus")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestRules runs promtool's own checks and the unit tests: each alert is silent in a healthy cluster and before its trouble, and fires after it.
func TestRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint-fatal", rules)
	promtool(t, "test", "rules", tests)
}

var metric = regexp.MustCompile(`\betcdward_[a-z0-9_]+`)

// TestAlerts checks each alert against the metrics, the runbook and the unit tests.
func TestAlerts(t *testing.T) {
	exported := map[string]bool{}
	for _, f := range metrics.All() {
		exported["etcdward_"+f.Name] = true
	}
	runbook, err := os.ReadFile("../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile(tests)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, a := range alerts(t) {
		known[a.Alert] = true
		for _, name := range metric.FindAllString(a.Expr, -1) {
			if !exported[name] && !exported[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s speaks of %s, which is not exported", a.Alert, name)
			}
		}
		for _, name := range metric.FindAllString(a.Expr, -1) {
			if strings.HasPrefix(name, "etcdward_cluster_") && !regexp.MustCompile(`\b(max|min|sum) by \([a-z, ]+\) \((increase\(|rate\(|predict_linear\()?`+name).MatchString(a.Expr) {
				t.Errorf("%s counts %s, which is of the cluster, once for each host", a.Alert, name)
			}
		}
		if !regexp.MustCompile(`\n### ` + a.Alert + `\n\n[A-Z]`).Match(runbook) {
			t.Errorf("docs/alerts.md does not say what to do for %s", a.Alert)
		}
		if want := "https://github.com/etcdward/etcdward/blob/main/docs/alerts.md#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s has the runbook %s", a.Alert, a.Annotations["runbook_url"])
		}
		if !strings.Contains("critical warning none", a.Labels["severity"]) || a.Labels["severity"] == "" {
			t.Errorf("%s has the severity %q", a.Alert, a.Labels["severity"])
		}
		if !regexp.MustCompile(`alertname: ` + a.Alert + `\n +exp_alerts:\n +- exp_labels: \{[^}]+severity`).Match(cases) {
			t.Errorf("no unit test has %s fire", a.Alert)
		}
		if !regexp.MustCompile(`alertname: ` + a.Alert + `\}`).Match(cases) {
			t.Errorf("no unit test has %s silent", a.Alert)
		}
	}
	for _, section := range regexp.MustCompile(`\n### (Etcdward\w+)`).FindAllSubmatch(runbook, -1) {
		if !known[string(section[1])] {
			t.Errorf("docs/alerts.md speaks of %s, which is no alert", section[1])
		}
	}
}
