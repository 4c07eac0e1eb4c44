package metrics

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/etcdward/etcdward/agent/etcd"
)

const (
	// longestLabel is in bytes. Names of members come from etcd, which takes any.
	longestLabel = 128
	// mostMembers and mostStores bound what one agent exports, whatever the cluster and the configuration hold.
	mostMembers = 32
	mostStores  = 32
)

// alarms are the alarms that are exported.
var alarms = []string{etcd.AlarmNoSpace, etcd.AlarmCorrupt}

func has(all []string, one string) bool { return slices.Contains(all, one) }

// printable makes any text a label: valid UTF-8, no control characters, and of bounded length.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= longestLabel {
		return text
	}
	cut := longestLabel
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// distinct returns a name for each of the members, as far as they are exported, no two the same: etcd takes the same name twice.
func distinct(members []Member) []string {
	members = members[:min(len(members), mostMembers)]
	count := map[string]int{}
	for _, m := range members {
		count[printable(m.Name)]++
	}
	names := make([]string, len(members))
	for i, m := range members {
		if names[i] = printable(m.Name); count[names[i]] > 1 {
			names[i] = m.ID
		}
	}
	return names
}

// bounded returns the names of the stores that are exported.
func bounded(stores map[string]Store) []string {
	names := slices.Sorted(maps.Keys(stores))
	return names[:min(len(names), mostStores)]
}
