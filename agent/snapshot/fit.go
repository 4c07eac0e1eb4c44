package snapshot

import "github.com/etcdward/etcdward/agent/printable"

// maxTextBytes bounds a text of a manifest.
const maxTextBytes = 4096

// Printable is a text as a manifest may have it: names of members and texts of servers are a stranger's.
func Printable(text string) string { return printable.Text(text, maxTextBytes) }

// Fit makes the texts of a manifest such that it can be encoded: what a member is called must keep no snapshot from being stored.
func (m *Manifest) Fit() {
	for _, text := range []*string{&m.Member.Name, &m.Member.Role, &m.Member.Version, &m.Member.Reason, &m.Tool} {
		*text = Printable(*text)
	}
	for i := range m.Checks {
		m.Checks[i].Detail = Printable(m.Checks[i].Detail)
	}
	for i := range m.Inconclusive {
		m.Inconclusive[i].Detail = Printable(m.Inconclusive[i].Detail)
	}
	for i := range m.OddMembers {
		m.OddMembers[i].Name, m.OddMembers[i].Detail = Printable(m.OddMembers[i].Name), Printable(m.OddMembers[i].Detail)
	}
}
