package setup

import (
	"fmt"
	"slices"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover/amend"
)

// stores adds the edits of the stores that the request names. One that the file has already is changed; another is added.
func (e *edits) stores(r Request) {
	if r.S3.Bucket != "" {
		e.store(wantedS3(r))
	}
	if r.GCS.Bucket != "" {
		e.store(wantedGCS(r))
	}
	if r.Directory != "" {
		e.store(wantedStore{kind: "directory", pairs: amend.Map{{Key: "path", Value: r.Directory}}, match: func(s config.Store) (place, bool) {
			return place{}, s.Directory != nil && s.Directory.Path == r.Directory
		}})
	}
}

// wantedStore is one store as the request describes it.
type wantedStore struct {
	kind string
	// keys is the file with its credentials; "": none.
	keys  string
	pairs amend.Map
	// match reports whether a store of the configuration is at the same place.
	match func(config.Store) (place, bool)
}

// place is what may differ of a store that stays at its place.
type place struct {
	values map[string]any
	keys   config.File
}

func wantedS3(r Request) wantedStore {
	return wantedStore{
		kind: "s3", keys: r.S3Keys,
		pairs: amend.Map{{Key: "bucket", Value: r.S3.Bucket}, {Key: "region", Value: r.S3.Region}, {Key: "prefix", Value: r.S3.Prefix},
			{Key: "endpoint", Value: r.S3.Endpoint}, {Key: "path_style", Value: r.S3.PathStyle}},
		match: func(s config.Store) (place, bool) {
			if s.S3 == nil || s.S3.Bucket != r.S3.Bucket || s.S3.Prefix != r.S3.Prefix || r.S3.Endpoint != "" && r.S3.Endpoint != s.S3.Endpoint {
				return place{}, false
			}
			return place{map[string]any{"region": s.S3.Region, "path_style": s.S3.PathStyle}, s.S3.CredentialsFile}, true
		},
	}
}

func wantedGCS(r Request) wantedStore {
	return wantedStore{
		kind: "gcs", keys: r.GCSKeys,
		pairs: amend.Map{{Key: "bucket", Value: r.GCS.Bucket}, {Key: "prefix", Value: r.GCS.Prefix}, {Key: "endpoint", Value: r.GCS.Endpoint}},
		match: func(s config.Store) (place, bool) {
			if s.GCS == nil || s.GCS.Bucket != r.GCS.Bucket || s.GCS.Prefix != r.GCS.Prefix || r.GCS.Endpoint != "" && r.GCS.Endpoint != s.GCS.Endpoint {
				return place{}, false
			}
			return place{keys: s.GCS.CredentialsFile}, true
		},
	}
}

// store changes the store that is at the place of the wanted one, or adds the wanted one.
func (e *edits) store(wanted wantedStore) {
	for i, s := range e.old.Stores {
		if at, is := wanted.match(s); is {
			e.change(i, at, wanted)
			return
		}
	}
	e.add(wanted)
}

func (e *edits) change(i int, was place, wanted wantedStore) {
	at := fmt.Sprintf("stores.%d.%s.", i, wanted.kind)
	for _, p := range wanted.pairs {
		if old, may := was.values[p.Key]; may && given(p.Value) && old != p.Value {
			e.set(at+p.Key, p.Value)
		}
	}
	if wanted.keys == "" {
		return
	}
	name, is := was.keys.Credential()
	if !is {
		name = wanted.kind + "-" + e.old.Stores[i].Name
		e.set(at+"credentials_file", "credential:"+name)
	}
	e.sources[name] = wanted.keys
}

func (e *edits) add(wanted wantedStore) {
	name := e.freeName()
	var section amend.Map
	for _, p := range wanted.pairs {
		if given(p.Value) {
			section = append(section, p)
		}
	}
	if wanted.keys != "" {
		credential := wanted.kind + "-" + name
		section = append(section, amend.Pair{Key: "credentials_file", Value: "credential:" + credential})
		e.sources[credential] = wanted.keys
	}
	e.set("stores.+", amend.Map{{Key: "name", Value: name}, {Key: wanted.kind, Value: section}})
	e.old.Stores = append(slices.Clip(e.old.Stores), config.Store{Name: name})
}

func given(value any) bool { return value != "" && value != false }

// freeName is a name that no store has yet.
func (e *edits) freeName() string {
	for i, name := range []string{"primary", "second", "third", "fourth", "fifth", ""} {
		if name == "" {
			name = fmt.Sprintf("store-%d", i+len(e.old.Stores))
		}
		if !slices.ContainsFunc(e.old.Stores, func(s config.Store) bool { return s.Name == name }) {
			return name
		}
	}
	return fmt.Sprintf("store-%d", len(e.old.Stores))
}
