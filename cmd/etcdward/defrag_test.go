package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/etcd"
)

func TestDefragTablesTellOfCompaction(t *testing.T) {
	for _, test := range []struct {
		history *compactedHistory
		want    string
	}{
		{nil, ""},
		{&compactedHistory{Reason: "no revision was noted yet"}, "Nothing was compacted: no revision was noted yet.\n"},
		{&compactedHistory{From: 7, To: 7, Reason: "another client compacted it meanwhile"}, "Nothing was compacted: another client compacted it meanwhile.\n"},
		{&compactedHistory{From: 7, To: 9, Reason: "the newest revision of 1s ago"}, "Compacted from revision 7 to 9: the newest revision of 1s ago.\n"},
	} {
		var out bytes.Buffer
		cli := &cli{stdio: stdio{out: &out}}
		if err := cli.defragTables(defragReport{Compaction: test.history}); err != nil || out.String() != test.want {
			t.Errorf("%+v gives %q, %v", test.history, out.String(), err)
		}
	}
}

// TestHintForUser checks that a user whom all endpoints refuse is not sent to look whether etcd runs.
func TestHintForUser(t *testing.T) {
	for _, refusal := range []error{etcd.ErrDenied, etcd.ErrAuthFailed} {
		err := fmt.Errorf("etcd: %w: %w", etcd.ErrUnreachable, refusal)
		if hint := hintFor(err); !strings.Contains(hint, "cluster.username") {
			t.Errorf("%v: try %q", err, hint)
		}
	}
	if hint := hintFor(etcd.ErrUnreachable); !strings.Contains(hint, "is etcd running?") {
		t.Errorf("nobody answers: try %q", hint)
	}
}
