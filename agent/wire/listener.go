package wire

import (
	"net/http"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/listener"
)

// Listener serves pages, by their paths, at metrics.listen. An error means that a file of TLS cannot be found.
func (p *Parts) Listener(pages map[string]http.Handler) (*listener.Listener, error) {
	c := p.Config.Metrics
	l := &listener.Listener{Address: c.Listen, Pages: pages, Log: p.Log}
	if c.TLSCertFile == "" {
		return l, nil
	}
	files := &listener.Files{}
	for _, f := range []struct {
		to   *string
		from config.File
	}{{&files.Cert, c.TLSCertFile}, {&files.Key, c.TLSKeyFile}, {&files.ClientCA, c.TLSClientCAFile}} {
		path, err := SecretFile(f.from)
		if err != nil {
			return nil, err
		}
		*f.to = path
	}
	l.TLS = files
	return l, nil
}
