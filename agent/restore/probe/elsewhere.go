package probe

import (
	"context"
	"net"
	"net/url"
	"slices"
)

// Elsewhere returns the host of the addresses if it is known to be none of this host's; "" if it is one, or cannot be told.
func Elsewhere(ctx context.Context, addresses []string) string {
	ours, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	foreign := ""
	for _, text := range addresses {
		u, err := url.Parse(text)
		if err != nil {
			return ""
		}
		ips, err := net.DefaultResolver.LookupIP(ctx, "ip", u.Hostname())
		if err != nil {
			return ""
		}
		for _, ip := range ips {
			if ip.IsLoopback() || slices.ContainsFunc(ours, func(a net.Addr) bool { n, ok := a.(*net.IPNet); return ok && n.IP.Equal(ip) }) {
				return ""
			}
		}
		foreign = u.Hostname()
	}
	return foreign
}
