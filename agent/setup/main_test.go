package setup

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
	"github.com/etcdward/etcdward/test/tree"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostRoot is a host in a folder.
type hostRoot struct{ tree.Tree }

const (
	serviceDropIn = tree.ServiceDropIn
	certsDropIn   = tree.CertsDropIn
	renewDropIn   = tree.RenewDropIn
	hostConfig    = tree.Config
)

// layout is a copy of one of the hosts that agent/discover knows.
func layout(t *testing.T, name string) hostRoot {
	t.Helper()
	return hostRoot{tree.Layout(t, name)}
}

// operator answers questions in order, and keeps what it is shown. If interrupt is set, it is called by the question after the last answer.
type operator struct {
	answers   []string
	wanted    bool
	interrupt context.CancelFunc

	asked  []string // each question, with its proposal
	events []Event
}

// Ask implements UI.
func (o *operator) Ask(ctx context.Context, question, proposal string) (string, error) {
	o.asked = append(o.asked, question+" ["+proposal+"]")
	if len(o.answers) == 0 {
		if o.interrupt == nil {
			return "", fmt.Errorf("no answer to %q", question)
		}
		o.interrupt()
		<-ctx.Done()
		return "", ctx.Err()
	}
	answer := o.answers[0]
	o.answers = o.answers[1:]
	if answer == "" {
		answer = proposal
	}
	return answer, nil
}

// Confirm implements UI.
func (o *operator) Confirm(context.Context) (bool, error) {
	o.asked = append(o.asked, "confirm")
	return o.wanted, nil
}

// Report implements UI.
func (o *operator) Report(e Event) { o.events = append(o.events, e) }

// result is what one run gave.
type result struct {
	Outcome
	err    error
	events []Event
}

// kind is what is to blame for an error.
type kind string

const (
	failed kind = "the host"
	usage  kind = "the request"
	badly  kind = "the configuration"
)

func (r result) kind() kind {
	switch {
	case r.err == nil:
		return ""
	case fault.IsUsage(r.err):
		return usage
	case fault.IsConfig(r.err):
		return badly
	}
	return failed
}

// setup sets this host up; nobody attends.
func (h hostRoot) setup(t *testing.T, r Request) result {
	t.Helper()
	if r.Root == "" {
		r.Root = h.Root
	}
	if r.Config == "" {
		r.Config = unit.Config
	}
	var nobody operator
	outcome, err := Run(t.Context(), r, &nobody)
	if len(nobody.asked) > 0 {
		t.Errorf("somebody was asked %v", nobody.asked)
	}
	return result{outcome, err, nobody.events}
}

// must is setup that has to succeed.
func (h hostRoot) must(t *testing.T, r Request) result {
	t.Helper()
	got := h.setup(t, r)
	if got.err != nil {
		t.Fatalf("%+v: %v", r, got.err)
	}
	return got
}

// refused is setup that has to end with an error of a kind that says why, with a way out, and to have written nothing.
func (h hostRoot) refused(t *testing.T, why kind, says, hint string, r Request) {
	t.Helper()
	before := h.State(t)
	got := h.setup(t, r)
	if got.kind() != why || !strings.Contains(got.err.Error(), says) || !strings.Contains(fault.Hint(got.err), hint) || fault.Hint(got.err) == "" {
		t.Errorf("%+v: to blame is %s, want %s with %q and %q: %v\nTry: %s", r, got.kind(), why, says, hint, got.err, fault.Hint(got.err))
	}
	if got.Written {
		t.Error("it says that it wrote")
	}
	h.Unchanged(t, before)
}

// nothingDiffers holds that a run found nothing to change, and tried nothing.
func (r result) nothingDiffers(t *testing.T) {
	t.Helper()
	if slices.ContainsFunc(r.Changes, Change.Differs) || r.Written || len(r.Checks) > 0 || r.Others != nil {
		t.Errorf("something differs: %+v", r.Outcome)
	}
}

// with is a request with whatever another one gives.
func with(r, more Request) Request {
	to, from := reflect.ValueOf(&r).Elem(), reflect.ValueOf(more)
	for i := range to.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return r
}
