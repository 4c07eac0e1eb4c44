package snapshot

import (
	"strings"
	"testing"
)

// TestFit holds that a manifest which was made fit can be encoded, and read again, whatever a member is called.
func TestFit(t *testing.T) {
	for _, name := range []string{"p\t2", "a\x1b[2Jb", "line\nfeed", "\xff\xfe", strings.Repeat("long\n", 5000), "\ufffd"} {
		m := manifest()
		m.Member.Name, m.Member.Reason = name, "a follower called "+name
		m.Checks[0].Detail = name
		m.Inconclusive = []Open{{Name: CheckHashKV, Detail: name + " did not answer"}}
		m.OddMembers = []OddMember{{Name: name, ID: "1", Detail: name}}
		if _, err := m.Encode(); err == nil {
			t.Errorf("%.20q: it can be encoded as it is", name)
		}
		m.Fit()
		body, err := m.Encode()
		if err != nil {
			t.Errorf("%.20q: %v", name, err)
			continue
		}
		if again, err := DecodeManifest(body); err != nil || again.Member.Name != m.Member.Name || again.OddMembers[0] != m.OddMembers[0] {
			t.Errorf("%.20q: read as %+v, %v", name, again.Member, err)
		}
	}
}
