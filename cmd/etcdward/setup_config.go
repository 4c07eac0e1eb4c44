package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/discover/amend"
)

const configHead = `# The configuration of etcdward: etcdward-config(5). It holds no secrets.
# etcdward setup wrote it, and it is yours to edit. Run again, setup changes only what differs.
`

// hasContent says whether a configuration has more than comments.
func hasContent(text []byte) bool {
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return true
		}
	}
	return false
}

// newConfig is the configuration that setup leaves, and the files from which its stores' credentials come. old is the one that is
// there, nil for none; more are edits that the flags do not tell of.
func newConfig(text []byte, old *config.Config, h discover.Host, r setupRequest, more ...amend.Edit) (after []byte, sources map[string]string, err error) {
	w := &wishes{text: text, sources: map[string]string{}}
	if old == nil {
		w.text = nil
	} else {
		w.old = *old
	}
	w.cluster(h, r)
	for _, recipient := range r.recipients {
		if !slices.Contains(w.old.Snapshot.Recipients, recipient) {
			w.set("snapshot.recipients.+", recipient)
		}
	}
	w.stores(r)
	w.edits = append(w.edits, more...)
	after, err = amend.Apply(w.text, w.edits...)
	if err != nil {
		return nil, nil, byHand{err}
	}
	if old == nil {
		after = slices.Concat(modeline(text), []byte(configHead), after)
	}
	return after, w.sources, nil
}

// modeline is the first line of a file where that tells an editor of the schema.
func modeline(text []byte) []byte {
	if line, _, ended := bytes.Cut(text, []byte("\n")); ended && bytes.HasPrefix(line, []byte("# yaml-language-server:")) {
		return append(line[:len(line):len(line)], '\n')
	}
	return nil
}

// byHand means that the configuration is written in a way that setup cannot change.
type byHand struct{ error }

func (b byHand) Unwrap() error { return b.error }

// Hint implements hinter.
func (byHand) Hint() string {
	return "edit the configuration by hand; docs/configuration.md, or man 5 etcdward-config, has every key"
}

// wishes collects what is to be changed in the configuration.
type wishes struct {
	text    []byte
	old     config.Config
	edits   []amend.Edit
	sources map[string]string // by credential
}

func (w *wishes) set(path string, value any) {
	w.edits = append(w.edits, amend.Edit{Path: path, Value: value})
}

// cluster: the flags have the say; what was found fills only what the file leaves open.
func (w *wishes) cluster(h discover.Host, r setupRequest) {
	if r.name != "" && r.name != w.old.Cluster.Name {
		w.set("cluster.name", r.name)
	}
	given := amend.Has(w.text, "cluster.endpoints")
	same := slices.Equal(w.old.Cluster.Endpoints, h.Endpoints)
	if !same && (!given || len(r.endpoints) > 0) {
		var list amend.List
		for _, e := range h.Endpoints {
			list = append(list, e)
		}
		w.set("cluster.endpoints", list)
	}
	if h.Secure() && h.CAFile != "" && h.CertFile == "" && !amend.Has(w.text, "cluster.cert_file") {
		w.set("cluster.cert_file", "") // etcd asks for none
		w.set("cluster.key_file", "")
	}
}

// stores: each that the flags name is changed where the file has it, and else added.
func (w *wishes) stores(r setupRequest) {
	if r.s3.Bucket != "" {
		w.store(wish{kind: "s3", keys: r.s3Keys, pairs: amend.Map{{Key: "bucket", Value: r.s3.Bucket}, {Key: "region", Value: r.s3.Region},
			{Key: "prefix", Value: r.s3.Prefix}, {Key: "endpoint", Value: r.s3.Endpoint}, {Key: "path_style", Value: r.s3.PathStyle}}},
			func(s config.Store) (has bool, values map[string]any, keys config.File) {
				if s.S3 == nil || s.S3.Bucket != r.s3.Bucket || s.S3.Prefix != r.s3.Prefix || r.s3.Endpoint != "" && r.s3.Endpoint != s.S3.Endpoint {
					return false, nil, ""
				}
				return true, map[string]any{"region": s.S3.Region, "path_style": s.S3.PathStyle}, s.S3.CredentialsFile
			})
	}
	if r.gcs.Bucket != "" {
		w.store(wish{kind: "gcs", keys: r.gcsKeys, pairs: amend.Map{{Key: "bucket", Value: r.gcs.Bucket}, {Key: "prefix", Value: r.gcs.Prefix},
			{Key: "endpoint", Value: r.gcs.Endpoint}}},
			func(s config.Store) (has bool, values map[string]any, keys config.File) {
				if s.GCS == nil || s.GCS.Bucket != r.gcs.Bucket || s.GCS.Prefix != r.gcs.Prefix || r.gcs.Endpoint != "" && r.gcs.Endpoint != s.GCS.Endpoint {
					return false, nil, ""
				}
				return true, nil, s.GCS.CredentialsFile
			})
	}
	if r.directory != "" {
		w.store(wish{kind: "directory", pairs: amend.Map{{Key: "path", Value: r.directory}}},
			func(s config.Store) (has bool, values map[string]any, keys config.File) {
				return s.Directory != nil && s.Directory.Path == r.directory, nil, ""
			})
	}
}

// wish is one store as the flags describe it; keys is the file with its credentials, if any.
type wish struct {
	kind, keys string
	pairs      amend.Map
}

// store looks with match for the store at the same place. match gives what of it may differ, and where its credentials are.
func (w *wishes) store(wanted wish, match func(config.Store) (bool, map[string]any, config.File)) {
	for i, s := range w.old.Stores {
		has, values, keys := match(s)
		if !has {
			continue
		}
		at := fmt.Sprintf("stores.%d.%s.", i, wanted.kind)
		for _, p := range wanted.pairs {
			if was, may := values[p.Key]; may && given(p.Value) && was != p.Value {
				w.set(at+p.Key, p.Value)
			}
		}
		if wanted.keys != "" {
			name, is := keys.Credential()
			if !is {
				name = wanted.kind + "-" + s.Name
				w.set(at+"credentials_file", "credential:"+name)
			}
			w.sources[name] = wanted.keys
		}
		return
	}
	name := w.freeName()
	var section amend.Map
	for _, p := range wanted.pairs {
		if given(p.Value) {
			section = append(section, p)
		}
	}
	if wanted.keys != "" {
		credential := wanted.kind + "-" + name
		section = append(section, amend.Pair{Key: "credentials_file", Value: "credential:" + credential})
		w.sources[credential] = wanted.keys
	}
	w.set("stores.+", amend.Map{{Key: "name", Value: name}, {Key: wanted.kind, Value: section}})
	w.old.Stores = append(slices.Clip(w.old.Stores), config.Store{Name: name})
}

func given(value any) bool { return value != "" && value != false }

// freeName is a name that no store has yet.
func (w *wishes) freeName() string {
	for i, name := range []string{"primary", "second", "third", "fourth", "fifth", ""} {
		if name == "" {
			name = fmt.Sprintf("store-%d", i+len(w.old.Stores))
		}
		if !slices.ContainsFunc(w.old.Stores, func(s config.Store) bool { return s.Name == name }) {
			return name
		}
	}
	return fmt.Sprintf("store-%d", len(w.old.Stores))
}
