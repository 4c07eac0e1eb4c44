package etcd

import (
	"net"
	"net/url"
)

// isLocal reports whether the host of a URL is this host: a loopback address, or the address of an interface.
func isLocal(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	if ip == nil || ip.IsLoopback() {
		return ip != nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false // if the interfaces cannot be listed, no address is known to be local
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.Equal(ip) {
			return true
		}
	}
	return false
}
