package discover

import (
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFlags(t *testing.T) {
	for line, want := range map[string]map[string]string{
		"etcd --a=1 --b 2 -c=3 -d 4":         {"a": "1", "b": "2", "c": "3", "d": "4"},
		"etcd --on --name=x --off=false -v":  {"on": "true", "name": "x", "off": "false", "v": "true"},
		"etcd --a=1 --a=2":                   {"a": "2"},
		"etcd --url=https://x/?a=b":          {"url": "https://x/?a=b"},
		"etcd --a= -- --b=1":                 {"a": ""},
		"etcd stray - words --a 1 more --b":  {"a": "1", "b": "true"},
		"--initial-cluster m1=http://h:2380": {"initial-cluster": "m1=http://h:2380"},
	} {
		var words []Word
		for i, text := range strings.Fields(line) {
			words = append(words, Word{text, i + 1})
		}
		got := Flags(words)
		if len(got) != len(want) {
			t.Errorf("%s: got %v", line, got)
		}
		for name, value := range want {
			if got[name].Value != value {
				t.Errorf("%s: --%s is %q, want %q", line, name, got[name].Value, value)
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	text := "# comment\n; comment\r\n\nA=1\nexport B=\"two words\" # why\nC='$x \\n'\nD=a\\ b\n  E = e \nF=a#b\nG=\"a\\\"b\" \\\n\"c\"\nA=2\nH=\n"
	got, err := parseEnv("env", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"A": "2", "B": "two words", "C": `$x \n`, "D": "a b", "E": "e", "F": "a#b", "G": `a"b c`, "H": ""} {
		if got[name].Value != want {
			t.Errorf("%s is %q, want %q", name, got[name].Value, want)
		}
	}
	if got["A"].Line != 12 || got["G"].Line != 10 {
		t.Errorf("lines %d and %d", got["A"].Line, got["G"].Line)
	}
	for text, line := range map[string]int{"A=1\n!x\n": 2, "=x": 1, "1A=x": 1, "A='": 1, "\n\nif [ x ]; then": 3} {
		_, err := parseEnv("env", []byte(text))
		var p *Problem
		if !errors.As(err, &p) || p.Line != line {
			t.Errorf("%q: got %v, want line %d", text, err, line)
		}
	}
}

func TestChoose(t *testing.T) {
	urls := func(list string) []*url.URL {
		var all []*url.URL
		for text := range strings.FieldsSeq(list) {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, u)
		}
		return all
	}
	loopback := &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("10.0.0.1")}}
	named := &x509.Certificate{DNSNames: []string{"cp-0.example.com"}}
	six := &x509.Certificate{IPAddresses: []net.IP{net.IPv6loopback}}
	for _, c := range []struct {
		name, listen, advertised string
		served                   *x509.Certificate
		want                     string
	}{
		{"loopback before an address", "https://10.0.0.1:2379 https://127.0.0.1:2379", "https://10.0.0.1:2379", nil, "https://127.0.0.1:2379"},
		{"the certificate allows both", "https://10.0.0.1:2379 https://127.0.0.1:2379", "", loopback, "https://127.0.0.1:2379"},
		{"it allows a name alone", "https://10.0.0.1:2379 https://127.0.0.1:2379", "https://cp-0.example.com:2379", named, "https://cp-0.example.com:2379"},
		{"it allows none of them", "https://10.0.0.2:2379 https://127.0.0.1:2379", "", named, "https://127.0.0.1:2379"},
		{"everywhere", "https://0.0.0.0:2379", "https://cp-0.example.com:2379", nil, "https://127.0.0.1:2379"},
		{"everywhere, IPv6", "https://[::]:2379", "", nil, "https://127.0.0.1:2379"},
		{"everywhere, for IPv6 alone", "https://[::]:2379", "", six, "https://[::1]:2379"},
		{"https before http", "http://127.0.0.1:2378 https://10.0.0.1:2379", "", nil, "https://10.0.0.1:2379"},
		{"http where there is no other", "http://10.0.0.1:2379 http://localhost:2379", "", nil, "http://localhost:2379"},
		{"advertised alone", "", "https://cp-0:2379", nil, "https://cp-0:2379"},
	} {
		if got := choose(urls(c.listen), urls(c.advertised), c.served); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestHostPath(t *testing.T) {
	p := Pod{mounts: []mount{{"/var", "/host/var"}, {"/var/lib/etcd", "/srv/etcd"}, {"/etc/ca.crt", "/k/ca.crt"}}}
	for inside, want := range map[string]string{"/var/lib/etcd": "/srv/etcd", "/var/lib/etcd/member": "/srv/etcd/member", "/var/lib/etcd2": "/host/var/lib/etcd2",
		"/var/x": "/host/var/x", "/etc/ca.crt": "/k/ca.crt", "/etc/ca.crt2": "/etc/ca.crt2", "/opt": "/opt", "": ""} {
		if got := p.HostPath(inside); got != want {
			t.Errorf("%s is %s, want %s", inside, got, want)
		}
	}
}

// FuzzFind holds that no file makes it panic, hang, or return what a unit or a terminal would read as more than a path.
func FuzzFind(f *testing.F) {
	names := []string{"etc/kubernetes/manifests/etcd.yaml", "var/lib/rancher/k3s/server/db/etcd/config", "etc/etcd.env", "etc/default/etcd"}
	for i, file := range []string{"kubeadm-1.34/" + names[0], "k3s/" + names[1], "kubespray/" + names[2], "debian-tls/" + names[3]} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, text)
	}
	f.Add(0, []byte("spec: &a {containers: [{command: [etcd, '--data-dir=/\n'], x: *a}]}"))
	f.Fuzz(func(t *testing.T, which int, text []byte) {
		root := fstest.MapFS{names[(which%4+4)%4]: {Data: text}, "ca": {}, "crt": {}, "key": {}}
		h, err := Find(root)
		if err != nil {
			return
		}
		for _, s := range append([]string{h.Member, h.DataDir, h.CAFile, h.CertFile, h.KeyFile, h.MetricsURL, h.ClusterName}, h.Endpoints...) {
			if !printable(s) {
				t.Errorf("a control character in %q", s)
			}
		}
		if len(h.Endpoints) == 0 || (h.CertFile == "") != (h.KeyFile == "") {
			t.Errorf("got %+v", h)
		}
	})
}
