package value

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var hostname = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return hostname.MatchString(s)
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

// IsLoopback reports whether a host is this host's loopback. It is careful: no name but localhost counts.
func IsLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// parseURL reads an http or https URL without user, query and fragment. Its
// errors never repeat s, which may hold a secret.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil && strings.Contains(s, "@"), err == nil && u.User != nil:
		return nil, errUserinfo
	case err != nil, u.Opaque != "", u.Scheme == "", strings.ContainsFunc(s, unicode.IsSpace):
		return nil, errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("neither http nor https")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return nil, errors.New("no ? and no # in this URL")
	case !isHost(u.Hostname()):
		return nil, errors.New("not a host name and not an address")
	case strings.HasSuffix(u.Host, ":"), u.Port() != "" && !isPort(u.Port()):
		return nil, errors.New("not a port from 1 to 65535")
	}
	return u, nil
}

// errUserinfo leaves the message to the caller, who knows where credentials belong.
var errUserinfo = errors.New("no user and password in a URL")

// CheckService judges the address of an object store or of a heartbeat; credentials says where the user and
// password that somebody put before an @ belong.
func CheckService(s, credentials string) error {
	_, err := parseURL(s)
	switch {
	case errors.Is(err, errUserinfo):
		return fmt.Errorf("%w: %s", err, credentials)
	case err != nil:
		return fmt.Errorf("%w (allowed: https://HOST or http://HOST, with a port or a path)", err)
	}
	return nil
}

// CheckListen reads host:port. An empty host means every address of this host.
func CheckListen(s string) error {
	const allowed = " (allowed: host:port such as 127.0.0.1:9479, or off)"
	host, port, err := net.SplitHostPort(s)
	switch {
	case err != nil:
		return errors.New("not host:port" + allowed)
	case host != "" && !isHost(host):
		return errors.New("not a host name and not an address" + allowed)
	case !isPort(port):
		return errors.New("not a port from 1 to 65535" + allowed)
	}
	return nil
}

// ParseEndpoint reads the address of an etcd member. Its errors never repeat s.
func ParseEndpoint(s string) (*url.URL, error) {
	const allowed = " (allowed: https://HOST:PORT or http://HOST:PORT)"
	u, err := parseURL(s)
	switch {
	case errors.Is(err, errUserinfo):
		return nil, fmt.Errorf("%w: put them in cluster.username and cluster.password_file", err)
	case strings.Contains(s, ","):
		return nil, errors.New("more than one URL: each is an item of its own" + allowed)
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, allowed)
	case u.Port() == "":
		return nil, errors.New("the port is missing" + allowed)
	case u.Path == "/":
		return nil, errors.New("leave the last slash out" + allowed)
	case u.Path != "":
		return nil, errors.New("an endpoint has no path" + allowed)
	}
	return u, nil
}
