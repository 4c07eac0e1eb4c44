package setup

import (
	"bytes"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/discover/amend"
	"github.com/etcdward/etcdward/agent/fault"
)

const configHead = `# The configuration of etcdward: etcdward-config(5). It holds no secrets.
# etcdward setup wrote it, and it is yours to edit. Run again, setup changes only what differs.
`

// hasContent reports whether a configuration has more than comments.
func hasContent(text []byte) bool {
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return true
		}
	}
	return false
}

// newConfig returns the configuration that setup leaves, and the files with the credentials of the stores that the request names, by
// credential. text and old are the configuration that is there; old is nil if there is none. more are edits that do not follow from the
// request.
func newConfig(text []byte, old *config.Config, h discover.Host, r Request, more ...amend.Edit) (after []byte, sources map[string]string, err error) {
	e := &edits{sources: map[string]string{}}
	if old != nil {
		e.text, e.old = text, *old
	}
	e.cluster(h, r)
	for _, recipient := range r.Recipients {
		if !slices.Contains(e.old.Snapshot.Recipients, recipient) {
			e.set("snapshot.recipients.+", recipient)
		}
	}
	e.stores(r)
	after, err = amend.Apply(e.text, append(e.list, more...)...)
	if err != nil {
		return nil, nil, fault.WithHint(err, "edit the configuration by hand; docs/configuration.md, or man 5 etcdward-config, has every key")
	}
	if old == nil {
		after = slices.Concat(modeline(text), []byte(configHead), after)
	}
	return after, e.sources, nil
}

// modeline is the first line of a file if that tells an editor of the schema.
func modeline(text []byte) []byte {
	if line, _, ended := bytes.Cut(text, []byte("\n")); ended && bytes.HasPrefix(line, []byte("# yaml-language-server:")) {
		return append(line[:len(line):len(line)], '\n')
	}
	return nil
}

// edits collects what is to be changed in the configuration.
type edits struct {
	text    []byte        // of the configuration; nil: there is none
	old     config.Config // what the text says
	list    []amend.Edit
	sources map[string]string // the files with the stores' credentials, by credential
}

func (e *edits) set(path string, value any) {
	e.list = append(e.list, amend.Edit{Path: path, Value: value})
}

// cluster adds the edits of the cluster. What the request says wins; what was found fills only what the file leaves open.
func (e *edits) cluster(h discover.Host, r Request) {
	if r.Name != "" && r.Name != e.old.Cluster.Name {
		e.set("cluster.name", r.Name)
	}
	written := amend.Has(e.text, "cluster.endpoints")
	same := slices.Equal(e.old.Cluster.Endpoints, h.Endpoints)
	if !same && (!written || len(r.Endpoints) > 0) {
		var list amend.List
		for _, endpoint := range h.Endpoints {
			list = append(list, endpoint)
		}
		e.set("cluster.endpoints", list)
	}
	if h.Secure() && h.CAFile != "" && h.CertFile == "" && !amend.Has(e.text, "cluster.cert_file") {
		e.set("cluster.cert_file", "") // etcd asks for none
		e.set("cluster.key_file", "")
	}
}
