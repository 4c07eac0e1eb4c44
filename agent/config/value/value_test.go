package value

import (
	"math"
	"os"
	"regexp"
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
		{"36500d", MaxDuration, "36500d"},
		{"120m", 2 * time.Hour, "2h"},
	} {
		got, err := ParseDuration(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", c.in, got, err, c.want)
		}
		if shown := FormatDuration(got); shown != c.shown {
			t.Errorf("FormatDuration(%v) = %q, want %q", got, shown, c.shown)
		}
		if again, err := ParseDuration(FormatDuration(got)); err != nil || again != got {
			t.Errorf("%v shown and read again is %v, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", " ", "1", "10", "-1m", "+1m", "1.5h", "1,5h", "h", "1h ", " 1h", "1 h", "1H", "1mo", "1M", "1y", "1ms", "1m1h", "1h1h",
		"1h30", "01h", "36501d", "36500d1s", "5215w", "9223372036854775807w", "99999999999999999999s", "١h", "1d2", "∞",
	} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
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
		got, err := ParseSize(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", c.in, int64(got), err, int64(c.want))
		}
		if got.String() != c.shown {
			t.Errorf("%d is shown as %q, want %q", int64(got), got, c.shown)
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%v shown and read again is %v, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", "MiB", "-1", "1.5GiB", "1G", "1gib", "1 GiB", "1GiB ", "1PiB", "01GiB", "010", "8388608TiB", "9223372036854775808", "1e9", "0x10",
	} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", in, int64(got))
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
		if got := Nearest(c.word, []string{"name", "endpoints", "ca_file", "password_file"}); got != c.want {
			t.Errorf("Nearest(%.20q) = %q, want %q", c.word, got, c.want)
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
	text, err := os.ReadFile("../testdata/good/every-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	recipients := regexp.MustCompile(`\bage1[a-z0-9]+`).FindAllString(string(text), -1)
	if len(recipients) != 2 {
		t.Fatalf("%d recipients, want an X25519 and a hybrid one", len(recipients))
	}
	for _, r := range recipients {
		if err := CheckRecipient(r); err != nil {
			t.Errorf("%.12s: %v", r, err)
		}
		for i := 0; i < len(r); i += 1 + len(r)/62 {
			for _, other := range "qp" {
				if changed := r[:i] + string(other) + r[i+1:]; changed != r && CheckRecipient(changed) == nil {
					t.Errorf("%.12s with another character at %d is accepted", r, i)
				}
			}
		}
		if CheckRecipient(strings.ToUpper(r)) == nil || CheckRecipient(r+" ") == nil {
			t.Errorf("%.12s is accepted in another spelling", r)
		}
	}
	// The right checksum over the wrong number of bytes.
	for _, s := range []string{"age1qqqqqqqqf34z55", "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzhlqeg", "age1pq1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqfqj7ru"} {
		if _, _, sums := bech32(s); !sums || CheckRecipient(s) == nil {
			t.Errorf("%q: the checksum holds %v, want refused for its length", s, sums)
		}
	}
	for _, s := range []string{"age1", "age1qqqqq", "", "1", "age", "AGE-SECRET-KEY-1", "age-secret-key-1x", "-----BEGIN OPENSSH PRIVATE KEY-----"} {
		if CheckRecipient(s) == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}
