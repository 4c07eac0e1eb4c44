package setup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/setup/unit"
)

const recipient = "age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237"

// TestAnswers sets a host up with the answers of an operator.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		wanted  bool
		why     kind
		want    []string
	}{
		"a directory, and the name that was found": {[]string{"", "directory", "", "/mnt/b", recipient}, true, "", []string{"name: prod\n", "path: /mnt/b\n", recipient}},
		"a server of one's own": {[]string{"mine", "s3", "bbb", "https://s3.example.com", "", "/root/s3", ""}, true, "",
			[]string{"name: mine\n", "endpoint: https://s3.example.com\n", "path_style: true\n", "credential:s3-primary"}},
		"Amazon, with a region in the end": {[]string{"", "", "bbb", "", "", "eu-central-1", "", ""}, true, "", []string{"region: eu-central-1\n", "bucket: bbb\n"}},
		"Google":                           {[]string{"", "gcs", "bbb", "/root/key.json", ""}, true, "", []string{"gcs:\n", "credential:gcs-primary"}},
		"another answer":                   {[]string{"", "ftp"}, true, usage, nil},
		"not wanted":                       {[]string{"", "directory", "/b", ""}, false, failed, nil},
		"the end":                          {nil, true, failed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			who := operator{answers: c.answers, wanted: c.wanted}
			outcome, err := Run(t.Context(), Request{Config: unit.Config, Root: h.Root, Attended: true, NoCheck: true}, &who)
			if got := (result{err: err}).kind(); got != c.why {
				t.Fatalf("to blame is %q, want %q: %v\nasked: %v", got, c.why, err, who.asked)
			}
			if outcome.Written != (c.want != nil) || len(who.answers) > 0 {
				t.Errorf("written: %v; answers that nobody asked for: %q", outcome.Written, who.answers)
			}
			if c.want == nil {
				if _, err := os.Stat(filepath.Join(h.Root, hostConfig)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a configuration was written: %v", err)
				}
				return
			}
			for _, want := range c.want {
				if text := h.Read(t, hostConfig); !strings.Contains(text, want) {
					t.Errorf("the configuration lacks %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestAsks holds what is asked and when: nothing that is known, and for the changes only after they were shown.
func TestAsks(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	who := operator{wanted: true}
	r := Request{Config: unit.Config, Root: h.Root, Attended: true, NoCheck: true, Name: "a", Directory: "/b"}
	if _, err := Run(t.Context(), r, &who); err != nil || !slices.Equal(who.asked, []string{"confirm"}) {
		t.Fatalf("asked %q, %v", who.asked, err)
	}
	if len(who.events) != 3 {
		t.Fatalf("it reported %+v", who.events)
	}
	_, found := who.events[0].(Found)
	planned, is := who.events[1].(Planned)
	_, started := who.events[2].(Started)
	if !found || !is || !started || len(planned.Notes) == 0 {
		t.Errorf("it reported %+v", who.events)
	}
	// A configuration is there, so nothing is open; and nothing differs, so there is nothing to confirm.
	who = operator{}
	if _, err := Run(t.Context(), Request{Config: unit.Config, Root: h.Root, Attended: true}, &who); err != nil || len(who.asked) > 0 {
		t.Errorf("asked %q, %v", who.asked, err)
	}
	h = layout(t, "kubeadm-1.34")
	who = operator{answers: []string{"", "directory", "/b", ""}, wanted: false}
	_, err := Run(t.Context(), Request{Config: unit.Config, Root: h.Root, Attended: true, NoCheck: true}, &who)
	if want := "Name of the cluster, the same on all its hosts (a-z, 0-9 and -) [prod]"; !errors.Is(err, ErrUnwanted) || who.asked[0] != want {
		t.Errorf("asked %q, %v", who.asked, err)
	}
}

// TestInterrupted holds that an interrupt ends a question, and writes nothing.
func TestInterrupted(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	before := h.State(t)
	ctx, cancel := context.WithCancel(t.Context())
	who := operator{answers: []string{"", "directory"}, interrupt: cancel}
	if _, err := Run(ctx, Request{Config: unit.Config, Root: h.Root, Attended: true}, &who); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	h.Unchanged(t, before)
}
