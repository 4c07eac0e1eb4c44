package discover

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"path"
	"strings"

	"github.com/etcdward/etcdward/agent/discover/endpoint"
)

// memberAndCA is member for what an etcd was told itself, by its configuration file if there is one. It returns the settings that count, and the CA
// of its clients' certificates as they name it; "" if they name none, or if the member takes clients without certificates.
func (l *look) memberAndCA(kind Kind, told Settings, hostPath func(string) string) (h Host, s Settings, ca string, err error) {
	if s, err = l.configFile(told, hostPath); err != nil {
		return Host{}, s, "", err
	}
	if h, err = l.member(kind, s, hostPath); err != nil || !h.Secure() {
		return h, s, "", err
	}
	if err := s.Known("trusted-ca-file"); err != nil {
		return h, s, "", err
	}
	ca, err = absolute(s, "trusted-ca-file")
	return h, s, ca, err
}

// member takes what etcd on this host was told: its name, its folder, and where a client reaches it. hostPath is where a path in
// the settings is on the host.
func (l *look) member(kind Kind, s Settings, hostPath func(string) string) (Host, error) {
	h := Host{Kind: kind, Member: s.Get("name"), ClusterName: s.Get("initial-cluster-token")}
	if err := s.Known("name", "data-dir"); err != nil {
		return h, err
	}
	if h.Member == "" {
		h.Member = "default"
	}
	if !printable(h.Member) {
		return h, s.Problem("name", "%q is no name of a member", Clip(h.Member))
	}
	data, err := absolute(s, "data-dir")
	if err != nil {
		return h, err
	}
	if data != "" {
		if h.DataDir = hostPath(data); h.DataDir == "" {
			h.Notes = append(h.Notes, "etcd's data directory "+data+" is on no folder of this host")
		}
	}
	listen, err := urls(s, "listen-client-urls")
	if err != nil {
		return h, err
	}
	advertised, err := urls(s, "advertise-client-urls")
	if err != nil {
		return h, err
	}
	metrics, err := urls(s, "listen-metrics-urls")
	if err != nil {
		return h, err
	}
	if len(listen)+len(advertised) == 0 {
		if err := s.Known("listen-client-urls"); err != nil {
			return h, err
		}
		listen = []*url.URL{{Scheme: "http", Host: "localhost:2379"}} // etcd's own default
	}
	served, err := l.certificate(hostPath(s.Get("cert-file")))
	if err != nil {
		return h, err
	}
	h.Endpoints = []string{endpoint.Choose(listen, advertised, served)}
	h.MetricsURL = h.Endpoints[0]
	if len(metrics) > 0 {
		h.MetricsURL = endpoint.Reachable(metrics[0])[0].String()
	}
	if len(s.Unseen) > 0 {
		h.Notes = append(h.Notes, s.File+": etcd may be told more than can be read: "+strings.Join(s.Unseen, "; "))
	}
	return h, nil
}

// urls are those in the value of a flag; those that our client cannot use are left out. If one of several has a variable in it, the others
// count.
func urls(s Settings, name string) ([]*url.URL, error) {
	var list []*url.URL
	unresolved := s.Of[name].Unresolved
	for text := range strings.SplitSeq(s.Get(name), ",") {
		if text = strings.TrimSuffix(strings.TrimSpace(text), "/"); text == "" || strings.HasPrefix(text, "unix") {
			continue
		}
		if unresolved && strings.ContainsAny(text, "$`") {
			continue
		}
		u, err := url.Parse(text)
		switch {
		case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Path != "", u.User != nil, u.RawQuery != "", u.Fragment != "":
			return nil, s.Problem(name, "%q is not a URL of etcd such as https://127.0.0.1:2379", Clip(text))
		case u.Port() == "":
			return nil, s.Problem(name, "%q has no port", Clip(text))
		}
		list = append(list, u)
	}
	return list, nil
}

// absolute is the value of a flag that names a file of the host; "" if it was not given.
func absolute(s Settings, name string) (string, error) {
	value := s.Get(name)
	if value == "" || path.IsAbs(value) && printable(value) {
		return value, nil
	}
	return "", s.Problem(name, "%q is no absolute path", Clip(value))
}

// certificate reads what a server shows its clients; nil where there is no such file, or none that can be read as one.
func (l *look) certificate(file string) (*x509.Certificate, error) {
	if is, err := l.all(file); err != nil || !is {
		return nil, err
	}
	seen := l.seen
	text, err := l.read(file)
	l.seen = seen // it is looked at to choose an endpoint, and says nothing of where etcd is
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil
	}
	cert, _ := x509.ParseCertificate(block.Bytes) // nil: the endpoint is tried anyway
	return cert, nil
}
