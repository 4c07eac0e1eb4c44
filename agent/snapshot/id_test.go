package snapshot

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseID(t *testing.T) {
	for text, revision := range map[string]int64{
		"20261122T100000Z-120001":              120001,
		"20261122T100000Z-0":                   0,
		"20261122T100000Z-9223372036854775807": 1<<63 - 1,
		"20240229T235959Z-1":                   1,
		"00010101T000000Z-1":                   1,
	} {
		id, err := ParseID(text)
		if err != nil || id.Revision != revision || id.String() != text || id.TakenAt.Location() != time.UTC {
			t.Errorf("ParseID(%q): got %v, error %v", text, id, err)
		}
	}
	for _, text := range []string{
		"", "-", "20261122T100000Z", "20261122T100000Z-", "20261122T100000-1", "20261122T100000Z-01", "20261122T100000Z--1",
		"20261122T100000Z-+1", "20261122T100000Z-1 ", " 20261122T100000Z-1", "20261122T100000Z-1\n", "20261122t100000z-1",
		"20261122T100000Z-9223372036854775808", "20261122T100000Z-99999999999999999999", "20261322T100000Z-1", "20260230T100000Z-1",
		"20250229T100000Z-1", "20261122T240000Z-1", "20261122T106000Z-1", "20261122T100060Z-1", "2026-11-22T10:00:00Z-1",
		"20261122T100000Z-1/../..", "../20261122T100000Z-1", "20261122T100000Z-١", strings.Repeat("2", 1<<20),
	} {
		if id, err := ParseID(text); err == nil {
			t.Errorf("ParseID(%.60q): got %v, want an error", text, id)
		} else if len(err.Error()) > 300 {
			t.Errorf("ParseID of %d bytes: the error has %d", len(text), len(err.Error()))
		}
	}
}

func TestIDOrder(t *testing.T) {
	want := []string{
		"20261122T095959Z-500", "20261122T100000Z-9", "20261122T100000Z-10", "20261122T100000Z-9999", "20261122T100000Z-10000",
		"20261122T100001Z-1", "20270101T000000Z-1",
	}
	ids := make([]ID, len(want))
	for i, text := range slices.Backward(want) {
		id, err := ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		ids[len(want)-1-i] = id
	}
	slices.SortFunc(ids, ID.Compare)
	for i, id := range ids {
		if id.String() != want[i] {
			t.Errorf("in place %d is %v, want %s", i, id, want[i])
		}
		if i > 0 && (ids[i-1].Compare(id) >= 0 || id.Compare(ids[i-1]) <= 0) {
			t.Errorf("%v is not before %v", ids[i-1], id)
		}
		if id.Compare(id) != 0 {
			t.Errorf("%v is not equal to itself", id)
		}
	}
}

func TestNewID(t *testing.T) {
	east := time.FixedZone("east", 2*60*60)
	id := NewID(time.Date(2026, 11, 22, 12, 0, 0, 999_999_999, east), 7)
	if got := id.String(); got != "20261122T100000Z-7" {
		t.Errorf("NewID: got %s", got)
	}
	if parsed, err := ParseID(id.String()); err != nil || parsed != id {
		t.Errorf("ParseID gives %#v, error %v, and not %#v", parsed, err, id)
	}
	if parsed, err := ParseID(NewID(time.Now(), 1).String()); err != nil || parsed != NewID(parsed.TakenAt, 1) {
		t.Errorf("an ID of now is not comparable: %v, error %v", parsed, err)
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"20261122T100000Z-120001", "20261122T100000Z-01", "20260230T100000Z-1", "x", "20261122T100000Z-9223372036854775808"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err == nil && (id.String() != text || id.Revision < 0 || id.Compare(id) != 0) {
			t.Errorf("ParseID(%q) gives %v", text, id)
		}
	})
}
