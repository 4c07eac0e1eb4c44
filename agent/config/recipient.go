package config

import (
	"fmt"

	"github.com/etcdward/etcdward/agent/config/document"
	"github.com/etcdward/etcdward/agent/config/value"
)

// Check implements [document.Checker].
func (s *Snapshot) Check(r *document.Reader, path string) {
	list := document.Child(path, "recipients")
	if !r.Sound(list) {
		return
	}
	first := map[string]int{}
	for i, recipient := range s.Recipients {
		at := fmt.Sprintf("%s[%d]", list, i)
		if !r.Sound(at) {
			continue
		}
		if err := value.CheckRecipient(recipient); err != nil {
			r.Report(at, "%v", err)
			continue
		}
		if j, twice := first[recipient]; twice {
			r.Report(at, "the same recipient as %s[%d]", list, j)
			continue
		}
		first[recipient] = i
	}
}
