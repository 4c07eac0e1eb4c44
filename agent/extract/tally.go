package extract

import (
	"cmp"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/object"
)

// maxReasons bounds how many reasons an outcome lists, and how many different ones are counted.
const (
	maxReasons = 20
	maxCounted = 1 << 16
)

// tally counts what is written.
type tally struct {
	outcome Outcome
	kinds   map[Count]int
	reasons map[string]int
}

func newTally() *tally { return &tally{kinds: map[Count]int{}, reasons: map[string]int{}} }

func (t *tally) add(r rendering) {
	o := &t.outcome
	if r.LeftOut != "" {
		o.LeftOut++
		return
	}
	t.kinds[Count{APIVersion: r.object.APIVersion, Kind: r.object.Kind}]++
	if r.object.Plain != nil {
		o.Unlocked++
	}
	switch {
	case r.text != nil:
		o.Objects++
		if r.object.Note != "" {
			o.Lossy++
			t.because(r.object.Note)
		}
		if r.Unowned {
			o.Unowned++
		}
		if r.Doubtful {
			o.Doubtful++
			t.because(strings.Join(r.Remarks, "; "))
		}
	case r.object.Encoding == object.Encrypted:
		o.Encrypted++
		t.because(r.object.Note)
	default:
		o.Raw++
		t.because(r.object.Note)
	}
}

func (t *tally) because(note string) {
	if _, there := t.reasons[note]; there || len(t.reasons) < maxCounted {
		t.reasons[note]++
	}
}

// sum returns the outcome, sorted.
func (t *tally) sum() Outcome {
	o := t.outcome
	o.Kinds = make([]Count, 0, len(t.kinds)) // [] in JSON, not null
	for kind, n := range t.kinds {
		kind.Objects = n
		o.Kinds = append(o.Kinds, kind)
	}
	slices.SortFunc(o.Kinds, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion))
	})
	for note, n := range t.reasons {
		o.Reasons = append(o.Reasons, Reason{note, n})
	}
	slices.SortFunc(o.Reasons, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Note, b.Note)) })
	o.Reasons = o.Reasons[:min(len(o.Reasons), maxReasons)]
	return o
}
