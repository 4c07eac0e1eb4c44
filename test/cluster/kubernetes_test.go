package cluster

import (
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestFillAndRestore(t *testing.T) {
	inEach(t, func(t *testing.T, version string) {
		const n = 400
		c := Start(t, Options{Version: version})
		c.FillKubernetes(t, n)
		all, err := c.Client(t).Get(t.Context(), "/registry/", clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		if all.Count != n-n/10 {
			t.Errorf("%d objects live, want %d", all.Count, n-n/10)
		}
		kinds, updated, leased, bytes := map[string]int{}, 0, 0, 0
		for _, kv := range all.Kvs {
			kind := strings.Split(string(kv.Key), "/")[2]
			kinds[kind]++
			bytes += len(kv.Value)
			if kv.Version > 1 {
				updated++
			}
			if kv.Lease != 0 {
				leased++
				if kind != "events" {
					t.Errorf("%s hangs on a lease", kv.Key)
				}
			}
		}
		if len(kinds) != 5 || leased != kinds["events"] || updated < n/4 {
			t.Errorf("kinds %v, %d with a lease, %d updated; want 5 kinds, all events with a lease, over %d updated",
				kinds, leased, updated, n/4)
		}
		if mean := bytes / len(all.Kvs); mean < 1000 || mean > 4000 {
			t.Errorf("the mean object has %d bytes, want 1000 to 4000", mean)
		}

		file := filepath.Join(t.TempDir(), "snapshot.db")
		c.Members[0].Etcdctl(t, "snapshot", "save", file)
		restored := Restore(t, version, file)
		if len(restored.Members) != 1 {
			t.Fatalf("restored %d members, want 1", len(restored.Members))
		}
		again, err := restored.Client(t).Get(t.Context(), "/registry/", clientv3.WithPrefix(), clientv3.WithRev(all.Header.Revision))
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Kvs) != len(all.Kvs) {
			t.Fatalf("the restored cluster has %d objects, want %d", len(again.Kvs), len(all.Kvs))
		}
		for i, kv := range again.Kvs {
			if want := all.Kvs[i]; string(kv.Key) != string(want.Key) || string(kv.Value) != string(want.Value) || kv.ModRevision != want.ModRevision {
				t.Fatalf("restored %s differs", kv.Key)
			}
		}
	})
}
