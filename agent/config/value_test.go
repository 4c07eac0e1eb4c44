package config

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  time.Duration
		shown string
	}{
		{"0", 0, "0"},
		{"0s", 0, "0"},
		{"90s", 90 * time.Second, "1m30s"},
		{"10m", 10 * time.Minute, "10m"},
		{"2h", 2 * time.Hour, "2h"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"30d", 720 * time.Hour, "30d"},
		{"4w", 672 * time.Hour, "28d"},
		{"1w1d1h1m1s", 8*24*time.Hour + time.Hour + time.Minute + time.Second, "8d1h1m1s"},
		{"36500d", maxDuration, "36500d"},
		{"120m", 2 * time.Hour, "2h"},
	} {
		got, err := parseDuration(c.in)
		if err != nil || got != c.want {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", c.in, got, err, c.want)
		}
		if shown := formatDuration(got); shown != c.shown {
			t.Errorf("formatDuration(%v) = %q, want %q", got, shown, c.shown)
		}
		if again, err := parseDuration(formatDuration(got)); err != nil || again != got {
			t.Errorf("%v shown and read again is %v, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", " ", "1", "10", "-1m", "+1m", "1.5h", "1,5h", "h", "1h ", " 1h", "1 h", "1H", "1mo", "1M", "1y", "1ms", "1m1h", "1h1h",
		"1h30", "01h", "36501d", "36500d1s", "5215w", "9223372036854775807w", "99999999999999999999s", "١h", "1d2", "∞",
	} {
		if got, err := parseDuration(in); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  Size
		shown string
	}{
		{"0", 0, "0"},
		{"1", 1, "1"},
		{"4096B", 4096, "4KiB"},
		{"100MiB", 100 << 20, "100MiB"},
		{"20GiB", 20 << 30, "20GiB"},
		{"1TiB", 1 << 40, "1TiB"},
		{"1024GiB", 1 << 40, "1TiB"},
		{"500MB", 500e6, "500MB"},
		{"3kB", 3000, "3kB"},
		{"1536KiB", 1536 << 10, "1536KiB"},
		{"8388607TiB", 8388607 << 40, "8388607TiB"},
		{"9223372036854775807", math.MaxInt64, "9223372036854775807"},
	} {
		got, err := parseSize(c.in)
		if err != nil || got != c.want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", c.in, int64(got), err, int64(c.want))
		}
		if got.String() != c.shown {
			t.Errorf("%d is shown as %q, want %q", int64(got), got, c.shown)
		}
		if again, err := parseSize(got.String()); err != nil || again != got {
			t.Errorf("%v shown and read again is %v, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", "MiB", "-1", "1.5GiB", "1G", "1gib", "1 GiB", "1GiB ", "1PiB", "01GiB", "010", "8388608TiB", "9223372036854775808", "1e9", "0x10",
	} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", in, int64(got))
		}
	}
}

func TestFilePath(t *testing.T) {
	for _, c := range []struct {
		file      File
		directory string
		want      string
		wrong     bool
	}{
		{"", "", "", false},
		{"/etc/etcd/ca.crt", "", "/etc/etcd/ca.crt", false},
		{"/etc/etcd/ca.crt", "/run/credentials/x", "/etc/etcd/ca.crt", false},
		{"credential:etcd-ca", "/run/credentials/x", "/run/credentials/x/etcd-ca", false},
		{"credential:etcd-ca", "", "", true},
	} {
		got, err := c.file.Path(c.directory)
		if got != c.want || (err != nil) != c.wrong {
			t.Errorf("File(%q).Path(%q) = %q, %v; want %q", c.file, c.directory, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "LoadCredential=etcd-ca:") {
			t.Errorf("error %q does not say what the unit needs", err)
		}
	}
}

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

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"endpoint", "endpoints"},
		{"endpionts", "endpoints"},
		{"ENDPOINTS", "endpoints"},
		{"naem", "name"},
		{"nam", "name"},
		{"cafile", "ca_file"},
		{"password", "password_file"},
		{"en", ""},
		{"x", ""},
		{"compression", ""},
		{"", ""},
		{strings.Repeat("endpoints", 100), ""},
	} {
		if got := nearest(c.word, []string{"name", "endpoints", "ca_file", "password_file"}); got != c.want {
			t.Errorf("nearest(%.20q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// Both keys were made by age itself; a change of one character is noticed.
func TestRecipient(t *testing.T) {
	c := mustParse(t, string(readFile(t, "testdata/good/every-key.yaml")))
	if len(c.Snapshot.Recipients) != 2 {
		t.Fatalf("%d recipients, want an X25519 and a hybrid one", len(c.Snapshot.Recipients))
	}
	for _, r := range c.Snapshot.Recipients {
		if err := checkRecipient(r); err != nil {
			t.Errorf("%.12s: %v", r, err)
		}
		for i := 0; i < len(r); i += 1 + len(r)/62 {
			for _, other := range "qp" {
				if changed := r[:i] + string(other) + r[i+1:]; changed != r && checkRecipient(changed) == nil {
					t.Errorf("%.12s with another character at %d is accepted", r, i)
				}
			}
		}
		if checkRecipient(strings.ToUpper(r)) == nil || checkRecipient(r+" ") == nil {
			t.Errorf("%.12s is accepted in another spelling", r)
		}
	}
	// The right checksum over the wrong number of bytes.
	for _, s := range []string{"age1qqqqqqqqf34z55", "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzhlqeg", "age1pq1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqfqj7ru"} {
		if _, _, sums := bech32(s); !sums || checkRecipient(s) == nil {
			t.Errorf("%q: the checksum holds %v, want refused for its length", s, sums)
		}
	}
	for _, s := range []string{"age1", "age1qqqqq", "", "1", "age", "AGE-SECRET-KEY-1", "age-secret-key-1x", "-----BEGIN OPENSSH PRIVATE KEY-----"} {
		if checkRecipient(s) == nil {
			t.Errorf("%q is accepted", s)
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
			[]string{"snapshot.schedule: off: no snapshot is taken but by hand"}},
		{"no proofs", minimalWith("verify: {schedule: off}\ndrill: {schedule: off}\n"),
			[]string{"verify.schedule: off, as drill.schedule is: nothing proves later that what is stored can be restored"}},
		{"no drill", minimalWith("drill: {schedule: off}\n"), nil},
		{"metrics for all", minimalWith("metrics: {listen: \":9479\"}\n"),
			[]string{"metrics.listen: not a loopback address: status and metrics are readable from the network without a password"}},
		{"metrics for some", minimalWith("metrics: {listen: \"10.0.0.1:9479\"}\n"),
			[]string{"metrics.listen: not a loopback address: status and metrics are readable from the network without a password"}},
		{"hours", minimalWith("retention: {keep_within: 23h}\n"),
			[]string{"stores[0]: keep_within is shorter than a day: what was damaged yesterday may be in every snapshot that is left"}},
		{"compaction too near", minimalWith("compaction: {keep: 4m}\n"),
			[]string{"compaction.keep: 4m is shorter than the 5m that kube-apiserver keeps: its watches and paged lists will break"}},
		{"compaction off", minimalWith("compaction: {keep: 4m, schedule: off}\n"), nil},
		{"heartbeat", minimalWith("heartbeat: {url: \"http://hc.example.com/t0ken\"}\n"),
			[]string{"heartbeat.url: plain http over the network: who reads the token in it can keep a dead agent alive"}},
		{"lock", "cluster: {name: a}\nstores: [{name: a, s3: {bucket: abc, region: r, lock: governance, lock_days: 31}}]\n",
			[]string{"stores[0].s3.lock_days: longer than keep_within: what retention gives up stays locked, and is paid for"}},
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
