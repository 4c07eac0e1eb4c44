// Package extract writes the objects of a snapshot as files: YAML where Kubernetes' own types allow it, else the bytes as
// they are stored. It knows no store, no cluster and no key to what is encrypted at rest.
//
// Its one invariant: nothing of an object is dropped in silence. A file of YAML says all that its value says; where it does
// not, its first line says so, and the value lies beside it.
package extract

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// ErrNothing means that no key of the snapshot was selected.
var ErrNothing = errors.New("nothing in the snapshot is selected")

// Extractor writes what a selection takes of a snapshot file into a folder.
type Extractor struct {
	Selection Selection
	// ForApply strips what a cluster fills in by itself, and leaves out what its controllers make.
	ForApply bool
	// Progress is told of the bytes read; it may be nil.
	Progress func(step string, done, total int64)
}

// Count is how many objects of a kind were written.
type Count struct {
	APIVersion string `json:"api_version,omitempty"`
	Kind       string `json:"kind,omitempty"` // "": of no kind that could be read
	Objects    int    `json:"objects"`
}

// MarshalJSON implements json.Marshaler: kinds are words of the cluster, and may be printed on a terminal.
func (c Count) MarshalJSON() ([]byte, error) {
	type plain Count
	text, err := json.Marshal(plain(c))
	return visible(text), err
}

// Outcome is what was written.
type Outcome struct {
	Kinds []Count `json:"kinds"`
	// Objects that were written as YAML.
	Objects int `json:"objects"`
	// Encrypted values, which stay as they are: their key is not in etcd.
	Encrypted int `json:"encrypted"`
	// Raw values stay as they are too: they are no objects, or of no kind that is known.
	Raw int `json:"raw"`
	// Lossy are those of the objects whose YAML does not say everything.
	Lossy int `json:"lossy"`
	// LeftOut were selected, and are not to be applied.
	LeftOut int `json:"left_out"`
	// Unowned are those of the objects that a controller made, which is not known to make them again.
	Unowned int `json:"unowned"`
}

// Whole says whether everything was written as objects that say all.
func (o Outcome) Whole() bool { return o.Encrypted+o.Raw+o.Lossy == 0 }

// Run writes the selected keys that exist at the newest revision of the snapshot file at path, which passed
// snapshot.Examine, into the folder output, which must be empty or not there. The file index.jsonl is written last: without it
// the folder is not finished. On an error nothing is left behind.
func (e *Extractor) Run(ctx context.Context, path, output string) (outcome Outcome, err error) {
	f, err := openFolder(output)
	if err != nil {
		return outcome, fmt.Errorf("extract: %w", err)
	}
	defer func() {
		if err != nil {
			err = f.abandon(err)
		}
	}()
	var among owners
	if e.ForApply {
		if among, err = e.findOwners(ctx, path); err != nil {
			return outcome, fmt.Errorf("extract: %w", err)
		}
	}
	counts := map[Count]int{}
	var read int64
	err = snapshot.Walk(ctx, path, e.Selection.root(), func(entry snapshot.Entry) error {
		read += int64(len(entry.Key) + len(entry.Value))
		if e.Progress != nil {
			e.Progress("extract", read, 0)
		}
		if !e.Selection.candidate(string(entry.Key)) {
			return nil
		}
		r := e.render(entry, among)
		if !e.Selection.takes(string(entry.Key), r.object) {
			return nil
		}
		outcome.add(r, counts)
		return f.add(r)
	})
	if err == nil && len(counts)+outcome.LeftOut == 0 {
		err = e.nothing(ctx, path)
	}
	if err == nil {
		err = f.commit()
	}
	if err != nil {
		return outcome, fmt.Errorf("extract: %w", err)
	}
	outcome.Kinds = make([]Count, 0, len(counts)) // [] in JSON, not null
	for kind, n := range counts {
		kind.Objects = n
		outcome.Kinds = append(outcome.Kinds, kind)
	}
	slices.SortFunc(outcome.Kinds, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion))
	})
	return outcome, nil
}

func (o *Outcome) add(r rendering, counts map[Count]int) {
	switch {
	case r.leftOut != "":
		o.LeftOut++
		return
	case r.text != nil:
		o.Objects++
		if r.object.Note != "" {
			o.Lossy++
		}
		if r.unowned {
			o.Unowned++
		}
	case r.object.Encoding == Encrypted:
		o.Encrypted++
	default:
		o.Raw++
	}
	counts[Count{APIVersion: r.object.APIVersion, Kind: r.object.Kind}]++
}

// emptyError is ErrNothing with what there is instead.
type emptyError struct{ namespaces []string }

func (emptyError) Error() string        { return ErrNothing.Error() }
func (emptyError) Is(target error) bool { return target == ErrNothing }

// Hint says what could have been meant.
func (e emptyError) Hint() string {
	if len(e.namespaces) == 0 {
		return "--prefix /, which takes every key"
	}
	return "one of its namespaces: " + strings.Join(e.namespaces, ", ")
}

// nothing looks up what could have been meant.
func (e *Extractor) nothing(ctx context.Context, path string) error {
	const most = 50
	root := Registry
	if e.Selection.Namespace != "" {
		root = e.Selection.root()
	}
	var empty emptyError
	err := snapshot.Walk(ctx, path, root+"namespaces/", func(entry snapshot.Entry) error {
		if name := strings.TrimPrefix(string(entry.Key), root+"namespaces/"); len(empty.namespaces) < most && isName(name) {
			empty.namespaces = append(empty.namespaces, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(empty.namespaces)
	return empty
}

// isName says whether a namespace can be called so: keys may hold what a terminal obeys.
func isName(s string) bool {
	const most = 63
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
