package extract

import (
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// rendering is what becomes of one key.
type rendering struct {
	key      string
	revision int64
	object   decoded
	verdict         // of --for-apply
	text     []byte // YAML; nil: there is none
	value    []byte // as it is stored; nil where text says it all
}

// note is all that the index says of it.
func (r rendering) note() string {
	notes := r.remarks
	if r.object.Note != "" {
		notes = append([]string{r.object.Note}, notes...)
	}
	return strings.Join(notes, "; ")
}

// render makes files of a value. It has no error: what cannot be read is written as it is.
func (e *Extractor) render(entry snapshot.Entry, among owners) rendering {
	return guarded(entry, func(entry snapshot.Entry) rendering { return e.read(entry, among) })
}

// guarded keeps one value, which is not trusted, from ending the extraction of the others.
func guarded(entry snapshot.Entry, read func(snapshot.Entry) rendering) (r rendering) {
	defer func() {
		if cause := recover(); cause != nil {
			r = stored(entry)
			r.object = decoded{Encoding: Raw, Note: fmt.Sprintf("cannot be decoded: %v", cause)}
		}
	}()
	return read(entry)
}

// stored is a value as it is.
func stored(entry snapshot.Entry) rendering {
	return rendering{key: string(entry.Key), revision: entry.ModRevision, value: entry.Value}
}

func (e *Extractor) read(entry snapshot.Entry, among owners) rendering {
	r := stored(entry)
	r.object = decode(entry.Value)
	if rest, ok := strings.CutPrefix(r.key, Registry); ok && r.object.tree == nil {
		r.object.Namespace, r.object.Name = home(rest)
	}
	if r.object.tree == nil || !e.Selection.takes(r.key, r.object) {
		return r
	}
	if e.ForApply {
		if r.verdict = forApply(r.object.tree, among); r.leftOut != "" {
			return r
		}
	}
	text, err := yamlOf(r.object.tree)
	if err != nil {
		r.object.Note, r.verdict = "cannot be written as YAML: "+err.Error(), verdict{}
		return r
	}
	r.text, r.value = text, nil
	if r.object.Note != "" {
		head := fmt.Sprintf("# etcdward: NOT ALL of the stored object is here; the whole value is in the file beside this one. %q\n", r.object.Note)
		r.text, r.value = append([]byte(head), text...), entry.Value
	}
	return r
}
