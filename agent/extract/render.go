package extract

import (
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/apply"
	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// rendering is what becomes of one key.
type rendering struct {
	key           string
	revision      int64
	object        object.Object
	apply.Verdict        // of --for-apply
	text          []byte // for kubectl; nil: there is none
	end           string // the ending of the file of text
	value         []byte // as it is stored, after decryption; nil if text holds all of it
}

// note is the note of the index.
func (r rendering) note() string {
	notes := r.Remarks
	if r.object.Note != "" {
		notes = append([]string{r.object.Note}, notes...)
	}
	return strings.Join(notes, "; ")
}

// render turns a value into files. It has no error: what cannot be read is written as it is.
func (e *Extractor) render(entry snapshot.Entry, of *apply.Cluster) rendering {
	return guarded(entry, func(entry snapshot.Entry) rendering { return e.read(entry, of) })
}

// guarded keeps one value, which is not trusted, from ending the extraction of the others.
func guarded(entry snapshot.Entry, read func(snapshot.Entry) rendering) (r rendering) {
	defer func() {
		if cause := recover(); cause != nil {
			r = stored(entry)
			r.object = object.Object{Encoding: object.Raw, Note: fmt.Sprintf("cannot be decoded: %v", cause)}
		}
	}()
	return read(entry)
}

// stored is a value as it is.
func stored(entry snapshot.Entry) rendering {
	return rendering{key: string(entry.Key), revision: entry.ModRevision, value: entry.Value}
}

func (e *Extractor) read(entry snapshot.Entry, of *apply.Cluster) rendering {
	r := stored(entry)
	r.object = object.Decode(entry.Key, entry.Value, e.Keys)
	if r.object.Plain != nil {
		r.value = r.object.Plain
	}
	if rest, ok := strings.CutPrefix(r.key, Registry); ok && r.object.Tree == nil {
		r.object.Namespace, r.object.Name = home(rest)
	}
	if r.object.Tree == nil || !e.Selection.takes(r.key, r.object) {
		return r
	}
	if e.ForApply {
		if r.Verdict = of.Prepare(&r.object); r.LeftOut != "" {
			return r
		}
	}
	text, end, err := notation.Write(r.object.Tree)
	if err != nil {
		r.object.Note, r.Verdict = "cannot be written as YAML or JSON: "+err.Error(), apply.Verdict{}
		return r
	}
	plain := r.value
	r.text, r.end, r.value = text, end, nil
	if r.object.Note != "" {
		r.value = plain
		if end == notation.EndYAML { // JSON has no comments
			head := fmt.Sprintf("# etcdward: NOT ALL of the stored object is here; the whole value is in the file beside this one. %q\n", r.object.Note)
			r.text = append([]byte(head), text...)
		}
	}
	return r
}
