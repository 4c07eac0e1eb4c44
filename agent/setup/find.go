package setup

import (
	"errors"
	"fmt"

	"github.com/etcdward/etcdward/agent/discover"
)

// findEtcd looks for the host's etcd. What the request says counts more than what is found.
func (s *setup) findEtcd() (discover.Host, error) {
	host, err := discover.Find(s.host.FS())
	var nothing *discover.Nothing
	unknown := errors.As(err, &nothing) && nothing.Kind == ""
	switch known := s.current.config; {
	case err == nil:
	case len(s.Endpoints) > 0:
		host = discover.Host{Kind: "flags"}
	case unknown && known != nil:
		host = discover.Host{Kind: "configuration", Endpoints: known.Cluster.Endpoints}
	default:
		return discover.Host{}, fmt.Errorf("find etcd: %w", err)
	}
	if len(s.Endpoints) > 0 {
		host.Endpoints = s.Endpoints
	}
	for _, f := range []struct {
		given string
		to    *string
	}{{s.CAFile, &host.CAFile}, {s.CertFile, &host.CertFile}, {s.KeyFile, &host.KeyFile}} {
		if f.given != "" {
			*f.to = f.given
		}
	}
	return host, nil
}
