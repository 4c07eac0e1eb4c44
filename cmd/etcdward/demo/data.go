package demo

import (
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/scratch"
)

// changes makes changes like those of a small Kubernetes cluster: objects come, are updated over and over, and some go.
type changes struct{ n int }

// kinds of objects, with the size of one in bytes and how many there may be. Leases are small and renewed all the
// time, which is what most of a real cluster's writes are.
var kinds = []struct {
	key    string
	size   int
	number int
}{
	{"/registry/leases/kube-node-lease/node-%03d", 350, 10},
	{"/registry/leases/kube-node-lease/node-%03d", 350, 10},
	{"/registry/pods/default/web-%03d", 4200, 120},
	{"/registry/events/default/web-%03d.17a", 800, 300},
	{"/registry/configmaps/kube-system/settings-%03d", 1500, 40},
	{"/registry/secrets/default/token-%03d", 1100, 60},
	{"/registry/services/endpoints/default/web-%03d", 600, 30},
}

// next gives the next n changes.
func (d *changes) next(n int) []scratch.Change {
	changes := make([]scratch.Change, n)
	for i := range changes {
		kind := kinds[d.n%len(kinds)]
		object := d.n / len(kinds) % kind.number
		changes[i].Key = fmt.Sprintf(kind.key, object)
		if d.n%53 == 52 {
			changes[i].Delete = true
		} else {
			changes[i].Value = valueOf(changes[i].Key, d.n, kind.size)
		}
		d.n++
	}
	return changes
}

// valueOf is a value of a size.
func valueOf(key string, generation, size int) []byte {
	head := fmt.Sprintf(`{"apiVersion":"v1","metadata":{"name":%q,"generation":%d,"labels":{"app":"demo"}},"spec":"`, key[strings.LastIndexByte(key, '/')+1:], generation)
	var body strings.Builder
	body.WriteString(head)
	for i := 0; body.Len() < size; i++ {
		fmt.Fprintf(&body, "%x-", (generation+i)*2654435761)
	}
	body.WriteString(`"}`)
	return []byte(body.String())
}
