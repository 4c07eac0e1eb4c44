// Package endpoint chooses which of etcd's addresses a client on the same host uses. It opens no connection.
//
// Its one invariant: what it returns is one of the addresses that it was given, or the loopback form of one.
package endpoint

import (
	"crypto/x509"
	"net"
	"net/url"
	"slices"
)

// Reachable puts loopback addresses in place of "all of this host's".
func Reachable(u *url.URL) []*url.URL {
	ip := net.ParseIP(u.Hostname())
	if ip == nil || !ip.IsUnspecified() {
		return []*url.URL{u}
	}
	hosts := []string{"127.0.0.1"}
	if ip.To4() == nil {
		hosts = append(hosts, "::1")
	}
	var urls []*url.URL
	for _, host := range hosts {
		at := *u
		at.Host = net.JoinHostPort(host, u.Port())
		urls = append(urls, &at)
	}
	return urls
}

// Choose returns the endpoint for a client on this host: of those for which the server's certificate is valid, one of the loopback
// interface before any other, and https before http. served may be nil: nothing is known of the certificate.
func Choose(listen, advertised []*url.URL, served *x509.Certificate) string {
	type candidate struct {
		url  string
		rank int
	}
	var candidates []candidate
	add := func(u *url.URL, rank int) {
		if u.Scheme != "https" {
			rank += 4
		}
		if served != nil && u.Scheme == "https" && served.VerifyHostname(u.Hostname()) != nil {
			rank += 8
		}
		candidates = append(candidates, candidate{u.String(), rank})
	}
	for _, l := range listen {
		for _, u := range Reachable(l) {
			if IsLoopback(u.Hostname()) {
				add(u, 0)
			} else {
				add(u, 1)
			}
		}
	}
	for _, u := range advertised {
		add(u, 2)
	}
	return slices.MinFunc(candidates, func(a, b candidate) int { return a.rank - b.rank }).url
}

// IsLoopback reports whether a host is this one, by its loopback interface.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
