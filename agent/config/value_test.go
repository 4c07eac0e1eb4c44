package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	c := mustParse(t, minimalWith("time_zone: America/New_York\nsnapshot: {schedule: \"30  4 * * *\"}\ndrill: {schedule: off}\n"))
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	if got, want := c.Snapshot.Schedule.Next(at), time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("next is %v, want %v", got, want)
	}
	if got := c.Snapshot.Schedule.String(); got != "30 4 * * *" {
		t.Errorf("shown as %q", got)
	}
	if s := c.Drill.Schedule; !s.Off() || s.String() != "off" || !s.Next(at).IsZero() {
		t.Errorf("off is %v, shown as %q, next %v", s.Off(), s, s.Next(at))
	}
}

func minimalWith(more string) string {
	return "cluster: {name: prod}\nstores:\n  - name: primary\n    s3: {bucket: etcd-backups, region: eu-central-1}\n" + more
}

func TestRetentionOf(t *testing.T) {
	c := mustParse(t, `cluster: {name: prod}
stores:
  - {name: a, directory: {path: /a}}
  - {name: b, directory: {path: /b}, retention: {keep_last: 3, keep_daily: 0}}
  - {name: c, directory: {path: /c}, retention: {keep_within: 0, keep_last: 1, keep_daily: 2, keep_weekly: 3, keep_monthly: 4}}
retention: {keep_within: 7d, keep_last: 10, keep_daily: 5, keep_monthly: 6}
`)
	week := 7 * 24 * time.Hour
	for i, want := range []Retention{
		{week, 10, 5, 0, 6},
		{week, 3, 0, 0, 6},
		{0, 1, 2, 3, 4},
	} {
		if got := c.RetentionOf(c.Stores[i]); got != want {
			t.Errorf("store %s: %+v, want %+v", c.Stores[i].Name, got, want)
		}
	}
	if c.Retention.KeepLast != 10 {
		t.Errorf("an override reached the top: %+v", c.Retention)
	}
}

func TestKind(t *testing.T) {
	c := mustParse(t, string(readFile(t, "testdata/good/every-key.yaml")))
	for i, want := range []string{"s3", "gcs", "directory"} {
		if got := c.Stores[i].Kind(); got != want {
			t.Errorf("store %d is %s, want %s", i, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	const httpCluster = "plain http over the network: everybody on the way reads all secrets of the cluster"
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"defaults", minimalWith(""), nil},
		{"loopback", minimalWith("metrics: {listen: \"[::1]:9479\"}\nheartbeat: {url: \"http://localhost/x\"}\n"), nil},
		{"metrics off", minimalWith("metrics: {listen: off}\n"), nil},
		{"http to another host", "cluster: {name: a, endpoints: [\"http://127.0.0.1:2379\", \"http://10.0.0.1:2379\", \"http://[::1]:2379\"]}\n" +
			minimalWith("")[len("cluster: {name: prod}\n"):],
			[]string{"cluster.endpoints[1]: " + httpCluster}},
		{"no snapshots", minimalWith("snapshot: {schedule: off}\n"),
			[]string{"snapshot.schedule: off: snapshots are taken only by hand"}},
		{"no proofs", minimalWith("verify: {schedule: off}\ndrill: {schedule: off}\n"),
			[]string{"verify.schedule: off, as drill.schedule is: nothing proves later that what is stored can be restored"}},
		{"no drill", minimalWith("drill: {schedule: off}\n"), nil},
		{"metrics for all", minimalWith("metrics: {listen: \":9479\", tls_cert_file: /c, tls_key_file: /k}\n"),
			[]string{"metrics.listen: not a loopback address: without metrics.tls_client_ca_file everybody on the network can read the status and the metrics"}},
		{"metrics for those with a certificate", minimalWith("metrics: {listen: \"10.0.0.1:9479\", tls_cert_file: /c, tls_key_file: /k, tls_client_ca_file: /a}\n"), nil},
		{"hours", minimalWith("retention: {keep_within: 23h}\n"),
			[]string{"stores[0]: keep_within is shorter than a day: damage from yesterday may be in every snapshot that is left"}},
		{"compaction too near", minimalWith("compaction: {keep: 4m}\n"),
			[]string{"compaction.keep: 4m is shorter than the 5m that kube-apiserver keeps: its watches and paged lists will break"}},
		{"compaction off", minimalWith("compaction: {keep: 4m, schedule: off}\n"), nil},
		{"heartbeat", minimalWith("heartbeat: {url: \"http://hc.example.com/t0ken\"}\n"),
			[]string{"heartbeat.url: plain http over the network: whoever reads the token in it can make a dead agent look alive"}},
		{"heartbeat of failures", minimalWith("heartbeat: {url: \"https://hc.example.com/t0ken\", failure_url: \"http://hc.example.com/t0ken2\"}\n"),
			[]string{"heartbeat.failure_url: plain http over the network: the token in it and the reasons of failures can be read on the way"}},
		{"lock", "cluster: {name: a}\nstores: [{name: a, s3: {bucket: abc, region: r, lock: governance, lock_days: 31}}]\n",
			[]string{"stores[0].s3.lock_days: longer than keep_within: snapshots that retention drops stay locked and still cost money"}},
		{"lock not used", "cluster: {name: a}\nstores: [{name: a, s3: {bucket: abc, region: r, lock_days: 31}}]\n", nil},
		{"stores in the clear", "cluster: {name: a}\nstores:\n- {name: a, s3: {bucket: abc, endpoint: \"http://minio:9000\"}}\n- {name: b, gcs: {bucket: abc, endpoint: \"http://gcs\"}}\n",
			[]string{"stores[0].s3.endpoint: " + inTheClearWarning, "stores[1].gcs.endpoint: " + inTheClearWarning}},
		{"directories", "cluster: {name: a}\nstores: [{name: a, directory: {path: /mnt/a}}, {name: b, directory: {path: /tmp}}, {name: c, directory: {path: /tmpfs}}]\n",
			[]string{
				"stores[1].directory.path: below /tmp, which does not outlive a reboot or the service",
				"stores: all are directories: if they lie on this host, the backups are lost with it",
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mustParse(t, c.src).Warnings()
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if strings.Contains(strings.Join(got, ""), "t0ken") {
				t.Error("a secret is repeated")
			}
		})
	}
}
