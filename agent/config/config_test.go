package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the cases exist on every machine

	"github.com/etcdward/etcdward/agent/config/document"
	"go.yaml.in/yaml/v4"
)

func files(t testing.TB, folder string, least int) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(names) < least {
		t.Fatalf("testdata/%s holds %d files (%v), want %d or more", folder, len(names), err, least)
	}
	return names
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func mustParse(t testing.TB, src string) *Config {
	t.Helper()
	c, err := Parse("config.yaml", []byte(src))
	if err != nil {
		t.Fatalf("parse:\n%s\n%v", src, err)
	}
	return c
}

// problems parses a file that has to be refused, and returns its problems.
func problems(t testing.TB, src []byte) []Problem {
	t.Helper()
	c, err := Parse("config.yaml", src)
	var invalid *Invalid
	if c != nil || !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
		t.Fatalf("parse gives %v, %v; want problems of\n%s", c, err, src)
	}
	return invalid.Problems
}

// Each file has one mistake. It begins with the expected messages, one line for each problem.
func TestWrong(t *testing.T) {
	for _, name := range files(t, "wrong", 200) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			src := readFile(t, name)
			var want []string
			for line := range strings.Lines(string(src)) {
				w, ok := strings.CutPrefix(line, "# want: ")
				if !ok {
					break
				}
				want = append(want, "config.yaml:"+strings.TrimSuffix(w, "\n"))
			}
			if len(want) == 0 {
				t.Fatal("the file does not begin with # want:")
			}
			_, err := Parse("config.yaml", src)
			if err == nil {
				t.Fatalf("accepted, want\n%s", strings.Join(want, "\n"))
			}
			if got := err.Error(); got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}

func TestGood(t *testing.T) {
	for _, name := range files(t, "good", 10) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			c, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			sameAgain(t, c)
		})
	}
}

// sameAgain checks that what config show prints is the same configuration.
func sameAgain(t testing.TB, c *Config) {
	t.Helper()
	shown := c.YAML()
	for _, url := range []string{c.Heartbeat.URL, c.Heartbeat.FailureURL} {
		if url == "" {
			continue
		}
		if bytes.Contains(shown, []byte(url)) {
			t.Errorf("the heartbeat's URL is shown:\n%s", shown)
		}
		if _, err := Parse("shown", shown); err == nil {
			t.Errorf("a shown configuration is accepted with its secret missing:\n%s", shown)
		}
		quoted := strings.ReplaceAll(url, "'", "''")
		shown = bytes.Replace(shown, []byte(`"`+document.Hidden+`"`), []byte("'"+quoted+"'"), 1)
	}
	again, err := Parse("shown", shown)
	if err != nil {
		t.Fatalf("parse what is shown: %v\n%s", err, shown)
	}
	if !reflect.DeepEqual(c, again) {
		t.Errorf("shown and parsed again, it differs:\n%+v\n%+v\n%s", c, again, shown)
	}
}

// What is printed is read by people and by other readers of YAML, to some of
// which a bare yes is true.
func TestYAML(t *testing.T) {
	c := mustParse(t, `cluster: {name: "123", username: "0x1F", password_file: /p}
stores:
  - {name: "yes", s3: {bucket: abc, region: "no", endpoint: "https://minio:9000/a,b", path_style: true}, retention: {keep_within: 2w}}
  - {name: nas, directory: {path: "/mnt/back: ups #1"}}
snapshot: {schedule: off, spool_limit: 2147483648, recipients: []}
heartbeat: {url: "https://hc.example.com/t0ken"}
`)
	want := string(readFile(t, "testdata/shown.yaml"))
	if got := string(c.YAML()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The full example of the contract spells out each default, and what minimal
// leaves out is filled in with exactly those.
func TestDefaultsAreThoseOfTheFullExample(t *testing.T) {
	full := mustParse(t, string(readFile(t, "testdata/good/full.yaml")))
	minimal := mustParse(t, string(readFile(t, "testdata/good/minimal.yaml")))
	if !reflect.DeepEqual(full, minimal) {
		t.Errorf("full    %+v\nminimal %+v", full, minimal)
	}
	empty := mustParse(t, string(readFile(t, "testdata/good/empty-sections.yaml")))
	if !reflect.DeepEqual(empty, minimal) {
		t.Errorf("empty sections %+v\nminimal        %+v", empty, minimal)
	}
}

func TestDefaults(t *testing.T) {
	c := mustParse(t, string(readFile(t, "testdata/good/minimal.yaml")))
	schedule := func(s Schedule) Schedule { return s }
	for _, s := range []struct {
		name string
		got  Schedule
		want string
	}{
		{"snapshot", c.Snapshot.Schedule, "0 * * * *"},
		{"compaction", c.Compaction.Schedule, "5 * * * *"},
		{"defrag", c.Defrag.Schedule, "0 3 * * 0"},
		{"verify", c.Verify.Schedule, "30 4 * * *"},
		{"drill", c.Drill.Schedule, "0 5 * * 0"},
	} {
		if s.got.String() != s.want || s.got.Off() || s.got.Zone() != "UTC" {
			t.Errorf("%s.schedule = %q (off %v, zone %q), want %q in UTC", s.name, s.got, s.got.Off(), s.got.Zone(), s.want)
		}
	}
	want := &Config{
		Cluster: Cluster{
			Name:      "prod-eu1",
			Endpoints: []string{"https://127.0.0.1:2379"},
			CAFile:    "credential:etcd-ca", CertFile: "credential:etcd-cert", KeyFile: "credential:etcd-key",
		},
		TimeZone: TimeZone{Name: "UTC", Location: time.UTC},
		Snapshot: Snapshot{
			Schedule: schedule(c.Snapshot.Schedule), Source: "follower", Compression: "zstd", SpoolLimit: 20 << 30,
		},
		Stores: []Store{{Name: "primary", S3: &S3{
			Bucket: "etcd-backups", Region: "eu-central-1", Checksums: "auto", Lock: "none", LockDays: 30,
		}}},
		Retention:  Retention{KeepWithin: 30 * 24 * time.Hour, KeepLast: 24},
		Prune:      Prune{Enabled: true},
		Compaction: Compaction{Schedule: c.Compaction.Schedule, Keep: 10 * time.Minute},
		Defrag: Defrag{
			Schedule: c.Defrag.Schedule, Window: 2 * time.Hour, MinReclaimable: 100 << 20,
			MinReclaimableRatio: 0.2, MoveLeader: true, Pause: 30 * time.Second,
		},
		Verify:  Verify{Schedule: c.Verify.Schedule, ReadBack: 0.1, HashBudget: 10 * time.Second},
		Drill:   Drill{Schedule: c.Drill.Schedule},
		Metrics: Metrics{Listen: "127.0.0.1:9479"},
		Log:     Log{Level: "info", Format: "auto"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestHTTPNeedsNoCertificates(t *testing.T) {
	c := mustParse(t, string(readFile(t, "testdata/good/debian.yaml")))
	if c.Cluster.CAFile != "" || c.Cluster.CertFile != "" || c.Cluster.KeyFile != "" {
		t.Errorf("files for http endpoints: %+v", c.Cluster)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	src := `log: {level: loud}
cluster:
  endpoints: [127.0.0.1]
  nam: prod
  key_file: hunter2
snapshot: {schedule: never, spool_limit: 3G}
stores:
  - name: A
    s3: {}
  - directory: backups
retention: {keep_last: 010, keep_within: 1y}
retention: {}
`
	want := `config.yaml:1:14: log.level: no such choice (allowed: debug, info, warn, error)
config.yaml:3:3: cluster.name: is missing and has no default
config.yaml:3:15: cluster.endpoints[0]: not a URL (allowed: https://HOST:PORT or http://HOST:PORT)
config.yaml:4:3: cluster.nam: unknown key (allowed: name, endpoints, ca_file, cert_file, key_file, username, password_file; did you mean name?)
config.yaml:5:13: cluster.key_file: not an absolute path (allowed: an absolute path, or credential:NAME)
config.yaml:6:22: snapshot.schedule: write off to switch the job off
config.yaml:6:42: snapshot.spool_limit: not a unit of size; did you mean 3GiB? (allowed: such as 100MiB, 20GiB, 1TiB, 500MB, or plain bytes)
config.yaml:8:11: stores[0].name: not a name (allowed: 1 to 63 of a-z, 0-9 and -)
config.yaml:9:9: stores[0].s3.bucket: is missing and has no default
config.yaml:9:9: stores[0].s3.region: is needed if no endpoint is set, such as eu-central-1
config.yaml:10:5: stores[1].name: is missing and has no default
config.yaml:10:16: stores[1].directory: want a section with keys, not a single value
config.yaml:11:24: retention.keep_last: a leading zero makes it octal for some readers: leave the zero out
config.yaml:11:42: retention.keep_within: years differ in length: write days, such as 365d (allowed: such as 90s, 10m, 2h, 30d, 4w, 1h30m)
config.yaml:12:1: retention: given twice: first on line 11`
	_, err := Parse("config.yaml", []byte(src))
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestFileAsAWhole(t *testing.T) {
	for _, c := range []struct {
		name, src, want string
	}{
		{"nothing", "", "config.yaml:1:1: nothing is configured: cluster.name and stores are needed; etcdward setup writes them for this host"},
		{"a byte order mark only", "\ufeff", "config.yaml:1:1: nothing is configured: cluster.name and stores are needed; etcdward setup writes them for this host"},
		{"a byte order mark is no column", "\ufeffa: \x01", "config.yaml:1:4: a control character (U+0001) stands here"},
		{"too big", "#" + strings.Repeat(" ", document.MaxSize), "config.yaml:1:1: the file is larger than 1 MiB"},
		{"UTF-16", "\xff\xfea\x00", "config.yaml:1:1: the file is not UTF-8 from here on"},
		{"deep enough to hurt a recursion", "a: " + strings.Repeat("[", 100_000), "config.yaml:1:10004: not YAML: nested too deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse("config.yaml", []byte(c.src)); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestTooManyProblems(t *testing.T) {
	got := problems(t, []byte("stores: ["+strings.Repeat("{},", document.MaxProblems)+"]"))
	if want := "config.yaml:1:1: too many problems: not all of them are listed"; len(got) != document.MaxProblems || got[0].String() != want {
		t.Errorf("%d problems, the first %s; want %d, the first %s", len(got), got[0], document.MaxProblems, want)
	}
}

func TestLoad(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.yaml")
	_, err := Load(absent)
	var unread *ReadError
	if !errors.As(err, &unread) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load of no file = %v, want a ReadError that is fs.ErrNotExist", err)
	}
	if want := "read config " + absent + ": no such file or directory"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if !strings.Contains(unread.Hint(), "etcdward setup") {
		t.Errorf("hint %q does not name etcdward setup", unread.Hint())
	}
	if got := (&ReadError{Err: fs.ErrPermission}).Hint(); !strings.Contains(got, "0644") {
		t.Errorf("hint %q does not name the mode", got)
	}
	if _, err := Load(t.TempDir()); !errors.As(err, &unread) {
		t.Errorf("Load of a directory = %v, want a ReadError", err)
	}

	big := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(big, bytes.Repeat([]byte("#\n"), document.MaxSize), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big); err == nil || err.Error() != big+":1:1: the file is larger than 1 MiB" {
		t.Errorf("Load of a big file = %v", err)
	}
}

// leaves are the paths of all values below n, with [] for the items of a list
// of sections.
func leaves(path string, n *yaml.Node) []string {
	var paths []string
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			paths = append(paths, leaves(document.Child(path, n.Content[i].Value), n.Content[i+1])...)
		}
	case n.Kind == yaml.SequenceNode && n.Content[0].Kind == yaml.MappingNode:
		for _, item := range n.Content {
			paths = append(paths, leaves(path+"[]", item)...)
		}
	default:
		paths = append(paths, path)
	}
	return paths
}

func TestKeys(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Load(readFile(t, "testdata/good/every-key.yaml"), &doc); err != nil {
		t.Fatal(err)
	}
	given := leaves("", doc.Content[0])
	slices.Sort(given)
	given = slices.Compact(given)
	keys := slices.Sorted(slices.Values(Keys()))
	if !slices.Equal(given, keys) {
		t.Errorf("every-key.yaml gives\n%v\nand Keys are\n%v", given, keys)
	}
}

// No value of every-key.yaml is a default, so that a key whose value gets lost
// on its way into the struct shows here.
func TestEveryKeyIsRead(t *testing.T) {
	every := mustParse(t, string(readFile(t, "testdata/good/every-key.yaml")))
	var differ func(path string, t1 reflect.Value, fields []document.Field) []string
	differ = func(path string, v reflect.Value, fields []document.Field) (same []string) {
		for _, f := range fields {
			at, value := document.Child(path, f.Key), v.Field(f.Index)
			for value.Kind() == reflect.Pointer && !value.IsNil() {
				value = value.Elem()
			}
			switch {
			case value.Kind() == reflect.Pointer:
			case document.IsSection(value.Type()):
				same = append(same, differ(at, value, document.Fields(value.Type()))...)
			case value.Kind() == reflect.Slice && document.IsSection(value.Type().Elem()):
				for i := range value.Len() {
					same = append(same, differ(at, value.Index(i), document.Fields(value.Type().Elem()))...)
				}
			case value.Kind() == reflect.Slice:
				if value.Len() < 2 {
					same = append(same, at)
				}
			default:
				if s, _ := document.Text(value); s == f.Default {
					same = append(same, at)
				}
			}
		}
		return same
	}
	if same := differ("", reflect.ValueOf(every).Elem(), document.Fields(reflect.TypeFor[Config]())); len(same) > 0 {
		t.Errorf("at their default: %v", same)
	}
}

// A tag is checked here once and for all: a wrong one is a panic elsewhere.
func TestTags(t *testing.T) {
	for _, wrong := range document.CheckTags(reflect.TypeFor[Config]()) {
		t.Error(wrong)
	}

	own, override := document.Keys(reflect.TypeFor[Retention]()), document.Keys(reflect.TypeFor[RetentionOverride]())
	if !slices.Equal(own, override) {
		t.Errorf("a store overrides %v of %v", override, own)
	}
}

// A value lands in a message by accident most easily where a key of one kind
// gets a value of another, so every key gets every kind.
func TestNoValueIsRepeated(t *testing.T) {
	const canary = "hunter2x7f3a"
	shapes := []string{
		canary, "'" + canary + "'", "[" + canary + "]", "{x: " + canary + "}", "*" + canary, "&" + canary + " x",
		"!" + canary + " x", "https://root:" + canary + "@host:1/" + canary, "https://h:1/?" + canary, "'%" + canary + "'",
		"AGE-SECRET-KEY-1" + canary, "\"\\x01" + canary + "\"", "'" + canary + "\n\n  " + canary + "'", "credential:/" + canary,
		"[AGE-SECRET-KEY-1" + canary + "]", "{AGE-SECRET-KEY-1" + canary + ": x}", "[https://" + canary + "@host]", "http://h:1#" + canary,
	}
	leaked := 0
	for _, key := range Keys() {
		for _, shape := range shapes {
			src := nested(key, shape)
			_, err := Parse("config.yaml", []byte(src))
			if err == nil {
				continue
			}
			leaked++
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%s\nrepeats the value:\n%v", src, err)
			}
		}
	}
	if leaked < 500 {
		t.Errorf("only %d cases were refused: the test has lost its aim", leaked)
	}
}

// nested writes a file in which the key, as Keys names it, has the value.
func nested(key, value string) string {
	var b strings.Builder
	indent := ""
	parts := strings.Split(key, ".")
	for _, p := range parts[:len(parts)-1] {
		name, list := strings.CutSuffix(p, "[]")
		b.WriteString(indent + name + ":\n")
		indent += "  "
		if list {
			b.WriteString(indent + "- name: x\n")
			indent += "  "
		}
	}
	b.WriteString(indent + parts[len(parts)-1] + ": " + value + "\n")
	return b.String()
}

var goWords = regexp.MustCompile(`go-yaml|!!|\b(int64|float64|struct|interface|reflect|time\.Duration|config\.[A-Z]|nil|unmarshal|panic|runtime)\b`)

func FuzzParse(f *testing.F) {
	for _, folder := range []string{"good", "wrong"} {
		for _, name := range files(f, folder, 10) {
			f.Add(readFile(f, name))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("fuzz.yaml", src)
		if err == nil {
			sameAgain(t, c)
			_ = c.Warnings()
			return
		}
		var invalid *Invalid
		if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
			t.Fatalf("error %T %v, want problems", err, err)
		}
		for _, p := range invalid.Problems {
			if p.Line < 1 || p.Col < 1 || p.Message == "" || strings.ContainsAny(p.String(), "\n\r") {
				t.Errorf("no place or no sentence: %q", p)
			}
			// A schedule's message quotes the user's own words.
			if !strings.HasSuffix(p.Path, "schedule") && goWords.MatchString(p.Message) {
				t.Errorf("not a user's words: %q", p.Message)
			}
		}
	})
}
