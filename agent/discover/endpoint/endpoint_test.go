package endpoint

import (
	"crypto/x509"
	"net"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		if got := Choose(urls(c.listen), urls(c.advertised), c.served); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
