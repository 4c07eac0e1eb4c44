package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestClaim(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	want := func(want ...string) {
		t.Helper()
		if got, err := c.ClusterIDs(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("ClusterIDs: got %v, error %v, want %v", got, err, want)
		}
	}
	want()
	for range 2 {
		if err := c.Claim(t.Context(), ourID, false); err != nil {
			t.Fatalf("the first claim: %v", err)
		}
	}
	want(ourID)
	if err := c.Claim(t.Context(), newID, false); !errors.Is(err, ErrOtherCluster) || !strings.Contains(err.Error(), ourID) {
		t.Errorf("a claim of another cluster: got %v", err)
	}
	want(ourID)
	for range 2 {
		if err := c.Claim(t.Context(), newID, true); err != nil {
			t.Errorf("a claim that is accepted: %v", err)
		}
	}
	want(newID, ourID)
	for _, id := range []string{ourID, newID} {
		if err := c.Claim(t.Context(), id, false); err != nil {
			t.Errorf("a claim of %s, which is known: %v", id, err)
		}
	}
	if err := c.Claim(t.Context(), "1234", false); !errors.Is(err, ErrOtherCluster) {
		t.Errorf("a claim of a third: got %v", err)
	}
	wantKeys(t, bucket, home+"cluster.json", home+"cluster-"+newID+".json")
}

// TestClaimForm: what is no cluster id claims nothing.
func TestClaimForm(t *testing.T) {
	bucket := openBucket(t)
	for _, id := range []string{"", "x", "C9BE", "../a", "a/b", strings.Repeat("a", 17), "a\n"} {
		for _, accept := range []bool{false, true} {
			if err := open(t, bucket).Claim(t.Context(), id, accept); err == nil || errors.Is(err, ErrOtherCluster) {
				t.Errorf("Claim(%q): got %v", id, err)
			}
		}
	}
	wantKeys(t, bucket)
}

// TestClaimAtOnce: of two clusters that come at the same moment exactly one gets the home, however often that is tried.
func TestClaimAtOnce(t *testing.T) {
	for range 20 {
		bucket := openBucket(t)
		// Both have looked and found nothing before either of them writes.
		var looked sync.WaitGroup
		looked.Add(2)
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i, id := range []string{ourID, newID} {
			wg.Go(func() { errs[i] = open(t, meeting{bucket, &looked}).Claim(t.Context(), id, false) })
		}
		wg.Wait()
		won := slices.IndexFunc(errs, func(err error) bool { return err == nil })
		if won < 0 || !errors.Is(errs[1-won], ErrOtherCluster) {
			t.Fatalf("two claims at once: got %v", errs)
		}
		if got, err := open(t, bucket).ClusterIDs(t.Context()); err != nil || !slices.Equal(got, []string{[]string{ourID, newID}[won]}) {
			t.Errorf("afterwards the home is of %v, error %v", got, err)
		}
	}
	// Two agents of one cluster both succeed.
	bucket := openBucket(t)
	var looked sync.WaitGroup
	looked.Add(2)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := open(t, meeting{bucket, &looked}).Claim(t.Context(), ourID, false); err != nil {
				t.Errorf("two agents of one cluster: %v", err)
			}
		})
	}
	wg.Wait()
}

// meeting is a bucket that holds every Put back until all have come as far.
type meeting struct {
	storage.Bucket
	looked *sync.WaitGroup
}

func (m meeting) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	m.looked.Done()
	m.looked.Wait()
	return m.Bucket.Put(ctx, up)
}

// TestClaimFaults: after a claim that failed in any way, another cluster never shares the home, and a retry gets it.
func TestClaimFaults(t *testing.T) {
	storagetest.Faults(t, openBucket, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		err := open(t, faulty).Claim(t.Context(), ourID, false)
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) {
			t.Errorf("Claim: got error %v, fault met: %v", err, faulty.Met())
		}
		if err := open(t, bucket).Claim(t.Context(), ourID, false); err != nil {
			t.Errorf("the retry: %v", err)
		}
		if err := open(t, bucket).Claim(t.Context(), newID, false); !errors.Is(err, ErrOtherCluster) {
			t.Errorf("another cluster: got %v", err)
		}
	})
}

// TestIdentityUnreadable: an identity that cannot be read is no free home.
func TestIdentityUnreadable(t *testing.T) {
	identity := func(format int, name, id string) string {
		return fmt.Sprintf(`{"format":%d,"name":%q,"cluster_id":%q}`, format, name, id)
	}
	for name, body := range map[string]string{
		"empty": "", "null": "null", "cut": `{"format":1,`, "no id": identity(1, "prod-eu1", ""), "other name": identity(1, "prod-eu2", ourID),
		"other format": identity(2, "prod-eu1", ourID), "terminal sequences": identity(1, "prod-eu1", "\x1b[31m"),
		"large": identity(1, "prod-eu1", ourID) + strings.Repeat(" ", 5000),
	} {
		bucket := openBucket(t)
		storagetest.Put(t, bucket, home+"cluster.json", []byte(body))
		for _, accept := range []bool{false, true} {
			err := open(t, bucket).Claim(t.Context(), ourID, accept)
			if !errors.Is(err, ErrIdentity) || errors.Is(err, ErrOtherCluster) || errors.Is(err, snapshot.ErrDamaged) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		wantKeys(t, bucket, home+"cluster.json")
	}
}

// TestIdentityForeign: keys that only look alike are not read.
func TestIdentityForeign(t *testing.T) {
	bucket := openBucket(t)
	for _, key := range []string{"cluster.json.bak", "cluster-notes.json", "cluster-" + ourID, "cluster-" + ourID + ".json.old", "cluster-/x", "clusters"} {
		storagetest.Put(t, bucket, home+key, []byte("foreign"))
	}
	if err := open(t, bucket).Claim(t.Context(), ourID, false); err != nil {
		t.Errorf("Claim: %v", err)
	}
}
