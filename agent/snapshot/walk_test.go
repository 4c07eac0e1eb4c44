package snapshot

import (
	"errors"
	"strings"
	"testing"
)

// TestWalk compares the walk with what is known about the fixture.
func TestWalk(t *testing.T) {
	path := write(t, fixture())
	all, last := map[string]bool{}, int64(0)
	err := Walk(t.Context(), path, "", func(e Entry) error {
		if e.ModRevision < last {
			t.Errorf("%s: revision %d after %d", e.Key, e.ModRevision, last)
		}
		last = e.ModRevision
		all[string(e.Key)] = true
		return nil
	})
	if err != nil || len(all) != 595 || last > 708 {
		t.Fatalf("%d keys up to %d: %v", len(all), last, err)
	}
	some := 0
	err = Walk(t.Context(), path, "/registry/configmaps/team-3/", func(e Entry) error {
		if !strings.HasPrefix(string(e.Key), "/registry/configmaps/team-3/") || !all[string(e.Key)] || !strings.HasPrefix(string(e.Value), "k8s\x00") {
			t.Errorf("key %q, value %.20q", e.Key, e.Value)
		}
		some++
		return nil
	})
	if err != nil || some == 0 || some == len(all) {
		t.Errorf("%d keys: %v", some, err)
	}
	enough := errors.New("enough")
	if err := Walk(t.Context(), path, "", func(Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a walk that was cut: %v", err)
	}
	if err := Walk(t.Context(), path+".gone", "", func(Entry) error { return nil }); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestForecast compares the computed answer with the file: as many keys as a walk finds, and another hash for
// another bump.
func TestForecast(t *testing.T) {
	path := write(t, fixture())
	one, err := Forecast(t.Context(), path, 1000)
	if err != nil || one.Revision != 1708 || one.Keys != 595 {
		t.Fatalf("%+v %v", one, err)
	}
	two, err := Forecast(t.Context(), path, 1001)
	if err != nil || two.Hash == one.Hash {
		t.Errorf("%+v %v", two, err)
	}
	if _, err := Forecast(t.Context(), path+".gone", 1); err == nil {
		t.Error("a file that is not there")
	}
}
