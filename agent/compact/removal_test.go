package compact

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// film shows one survey after the other, the last again and again. A number is the MiB in use of a member, -1 of one that is away.
type film struct {
	looks [][]float64
	seen  int
	err   error
}

func (f *film) Survey(context.Context) (etcd.Survey, error) {
	look := f.looks[min(f.seen, len(f.looks)-1)]
	f.seen++
	var s etcd.Survey
	for i, mib := range look {
		m := etcd.Member{ID: uint64(i + 1), DBInUse: int64(mib * (1 << 20))}
		if mib < 0 {
			m.DBInUse, m.Err = 0, errors.New("away")
		}
		s.Members = append(s.Members, m)
	}
	return s, f.err
}

func TestRemoval(t *testing.T) {
	for _, test := range []struct {
		name  string
		looks [][]float64
		seen  int // looks until it is still
		freed int64
	}{
		{"nothing is removed", [][]float64{{9, 9}}, 2, 0},
		{"one member after the other", [][]float64{{9, 9}, {5, 9}, {5, 9}}, 3, 4 << 20},
		{"all at their own pace", [][]float64{{9, 9}, {5, 8}, {5, 3}, {5, 1}}, 5, 12 << 20},
		{"one rises more than another falls", [][]float64{{9, 9}, {20, 8}, {30, 7}}, 4, 2 << 20},
		{"writes move pages about", [][]float64{{9}, {8.97}, {9}}, 2, 0},
		{"writes move pages about, after a fall", [][]float64{{9}, {5}, {5.2}, {5.1}}, 3, 4 << 20},
		{"a member goes away", [][]float64{{9, 9}, {9, -1}}, 2, 0},
		{"a member comes", [][]float64{{9, -1}, {8, 9}, {8, 2}, {8, 2}}, 4, 8 << 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &film{looks: test.looks}
			var freed int64
			begun := time.Now()
			err := Removal{Cluster: f, Bound: time.Hour, Falling: func(n int64) { freed = n }}.Await(t.Context())
			if err != nil || f.seen != test.seen || freed != test.freed || time.Since(begun) != time.Duration(test.seen-1)*LookEvery {
				t.Errorf("%s: %d looks in %s, %d bytes freed, %v", test.name, f.seen, time.Since(begun), freed, err)
			}
		})
	}
}

func TestRemovalEnds(t *testing.T) {
	endless := make([][]float64, 10000)
	for i := range endless {
		endless[i] = []float64{20000 - float64(i)}
	}
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		err := Removal{Cluster: &film{looks: endless}, Bound: time.Minute}.Await(t.Context())
		if !errors.Is(err, ErrRemoving) || time.Since(begun) != time.Minute {
			t.Errorf("bound: after %s: %v", time.Since(begun), err)
		}
		told := errors.New("told to stop")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, told)
		defer cancel()
		if err := (Removal{Cluster: &film{looks: endless}, Bound: time.Hour}).Await(ctx); !errors.Is(err, told) {
			t.Errorf("end of the context: %v", err)
		}
		lost := errors.New("no endpoint")
		if err := (Removal{Cluster: &film{looks: endless, err: lost}, Bound: time.Hour}).Await(t.Context()); !errors.Is(err, lost) {
			t.Errorf("no survey: %v", err)
		}
	})
}

// TestRemovalOfServer has members that remove slowly what was compacted.
func TestRemovalOfServer(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 2, Args: []string{cluster.NoFsync, "--compaction-batch-limit=15", "--compaction-sleep-interval=300ms"}})
	cli := c.Client(t)
	value := string(make([]byte, 64<<10))
	for range 200 {
		if _, err := cli.Put(t.Context(), "/registry/configmaps/big", value); err != nil {
			t.Fatal(err)
		}
	}
	own := client.Connect(t, c)
	_, revision, err := own.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	var freed int64
	if err := (Removal{Cluster: own, Every: time.Second, Bound: time.Minute, Falling: func(n int64) { freed = n }}).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := own.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Members {
		if m.DBInUse > 2<<20 || freed < 16<<20 {
			t.Errorf("%s still has %d bytes in use, %d were told to be free", m.Name, m.DBInUse, freed)
		}
	}
}
