// Package extract writes the objects of a snapshot as files that kubectl reads, and what is no object as the bytes that are stored.
//
// It knows no store and no running cluster. Its invariant: nothing of an object is dropped in silence. A file holds everything
// that the stored value holds; if it does not, the index notes it, and the value lies beside it.
package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/apply"
	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/unlock"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// ErrNothing means that no key of the snapshot was selected.
var ErrNothing = errors.New("nothing in the snapshot is selected")

// Extractor writes what a selection takes of a snapshot file into a folder.
type Extractor struct {
	Selection Selection
	// ForApply strips what a cluster fills in by itself, leaves out what its controllers make, and writes versions that it serves.
	ForApply bool
	// Keys open what is encrypted at rest; nil: it stays so.
	Keys *unlock.Keys
	// Progress is called with the bytes read; it may be nil.
	Progress func(step string, done, total int64)
}

// Count is how many objects of a kind were written.
type Count struct {
	APIVersion string `json:"api_version,omitempty"`
	Kind       string `json:"kind,omitempty"` // "": no kind could be read
	Objects    int    `json:"objects"`
}

// MarshalJSON implements json.Marshaler: kinds are words of the cluster, and a terminal may show them.
func (c Count) MarshalJSON() ([]byte, error) {
	type plain Count
	text, err := json.Marshal(plain(c))
	return notation.Visible(text), err
}

// Reason is a note of the index, and how many objects have it.
type Reason struct {
	Note    string `json:"note"`
	Objects int    `json:"objects"`
}

// MarshalJSON implements json.Marshaler: notes hold words of the cluster too.
func (r Reason) MarshalJSON() ([]byte, error) {
	type plain Reason
	text, err := json.Marshal(plain(r))
	return notation.Visible(text), err
}

// Outcome is what was written.
type Outcome struct {
	Kinds []Count `json:"kinds"`
	// Objects that were written for kubectl.
	Objects int `json:"objects"`
	// Unlocked are the values that were encrypted at rest and were opened.
	Unlocked int `json:"unlocked"`
	// Encrypted values stay as they are: their key is not in etcd, or was not given.
	Encrypted int `json:"encrypted"`
	// Raw values stay as they are too: they are no objects, or of a kind that is not known.
	Raw int `json:"raw"`
	// Lossy are the objects whose file does not hold everything.
	Lossy int `json:"lossy"`
	// LeftOut were selected, and are not to be applied.
	LeftOut int `json:"left_out"`
	// Unowned are the objects that a controller made that is not known to make them again.
	Unowned int `json:"unowned"`
	// Doubtful are the objects that the cluster is not known to take as they are written.
	Doubtful int `json:"doubtful"`
	// Reasons of everything that is not Whole, the most frequent first.
	Reasons []Reason `json:"reasons,omitempty"`
}

// Whole reports whether everything was written as objects that hold everything, in versions that the cluster serves.
func (o Outcome) Whole() bool { return o.Encrypted+o.Raw+o.Lossy+o.Doubtful == 0 }

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
	var of *apply.Cluster
	if e.ForApply {
		if of, err = e.survey(ctx, path); err != nil {
			return outcome, fmt.Errorf("extract: %w", err)
		}
	}
	t := newTally()
	var read int64
	err = snapshot.Walk(ctx, path, e.Selection.root(), func(entry snapshot.Entry) error {
		read += int64(len(entry.Key) + len(entry.Value))
		if e.Progress != nil {
			e.Progress("extract", read, 0)
		}
		if !e.Selection.candidate(string(entry.Key)) {
			return nil
		}
		r := e.render(entry, of)
		if !e.Selection.takes(string(entry.Key), r.object) {
			return nil
		}
		t.add(r)
		return f.add(r)
	})
	if err == nil && len(t.kinds)+t.outcome.LeftOut == 0 {
		err = e.nothing(ctx, path)
	}
	if err == nil {
		err = e.Keys.Useless()
	}
	if err == nil {
		err = f.commit()
	}
	if err != nil {
		return outcome, fmt.Errorf("extract: %w", err)
	}
	return t.sum(), nil
}

// emptyError is ErrNothing together with the namespaces that exist.
type emptyError struct{ namespaces []string }

func (emptyError) Error() string        { return ErrNothing.Error() }
func (emptyError) Is(target error) bool { return target == ErrNothing }

// Hint names what could have been meant.
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

// isName reports whether a namespace can be called so: keys may hold what a terminal obeys.
func isName(s string) bool {
	const most = 63
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
