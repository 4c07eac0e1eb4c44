package metrics

import (
	"maps"
	"slices"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/printable"
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

// label makes any text the value of a label: valid UTF-8, one line, and of bounded length.
func label(text string) string { return printable.Text(text, longestLabel) }

// distinct returns a name for each of the members, as far as they are exported, no two the same: etcd takes the same name twice.
func distinct(members []Member) []string {
	members = members[:min(len(members), mostMembers)]
	count := map[string]int{}
	for _, m := range members {
		count[label(m.Name)]++
	}
	names := make([]string, len(members))
	for i, m := range members {
		if names[i] = label(m.Name); count[names[i]] > 1 {
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
