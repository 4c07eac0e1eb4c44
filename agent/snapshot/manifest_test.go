package snapshot

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// manifest is one that every field is set in.
func manifest() Manifest {
	return Manifest{
		Format: Format, ID: "20261122T100000Z-120001", Cluster: Cluster{Name: "prod-eu1", ID: "c9be114fc2da2776"},
		TakenAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), TookSeconds: 12.1,
		Member: Member{Name: "cp-1", ID: "8e9e05c52164694d", Role: "follower", Version: "3.6.16", Reason: "a follower, 0 entries behind"},
		Facts: Facts{SizeBytes: 1231224864, SHA256: strings.Repeat("ab", 32), StatusHash: "1460fda0", Revision: 120001, CompactRevision: 118000,
			TotalKeys: 120000, StorageVersion: "3.6.0", HashKV: HashKV{Hash: 3868539171, Revision: 120001, CompactRevision: 118000}},
		Checks:    []Check{{Name: CheckSHA256, OK: true, Detail: "the trailer matches"}, {Name: CheckPages, OK: true}},
		Emergency: true,
		Object: Stored{Key: "v1/prod-eu1/snapshots/20261122T100000Z-120001.db.zst.age", Version: "7", SizeBytes: 77, SHA256: strings.Repeat("cd", 32),
			Compression: "zstd", Encryption: "age"},
		Tool: "etcdward 0.1.0", Restore: "zstd -d …",
	}
}

func TestManifestRoundTrip(t *testing.T) {
	want := manifest()
	body, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeManifest(body)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("DecodeManifest: got %+v, error %v, want %+v", got, err, want)
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	// The fields that users and scripts rely on.
	for _, name := range strings.Fields("format id cluster taken_at took_seconds member storage_version revision compact_revision total_keys " +
		"size_bytes sha256 status_hash hash_kv checks object tool") {
		if _, ok := fields[name]; !ok {
			t.Errorf("field %q is missing", name)
		}
	}
	if fields["taken_at"] != "2026-11-22T10:00:00Z" {
		t.Errorf("taken_at is %v", fields["taken_at"])
	}
	fields["later_version"] = map[string]any{"a": []int{1}}
	body, err = json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeManifest(body); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("DecodeManifest with an unknown field: got %+v, error %v", got, err)
	}
}

// TestManifestTime: whatever zone the time came in, it is stored and read in UTC.
func TestManifestTime(t *testing.T) {
	m := manifest()
	m.TakenAt = m.TakenAt.In(time.FixedZone("east", 2*60*60))
	body, err := m.Encode()
	if err != nil || !bytes.Contains(body, []byte(`"2026-11-22T10:00:00Z"`)) {
		t.Errorf("Encode: %s, error %v", body, err)
	}
	body = bytes.Replace(body, []byte("2026-11-22T10:00:00Z"), []byte("2026-11-22T12:00:00+02:00"), 1)
	if got, err := DecodeManifest(body); err != nil || got.TakenAt != manifest().TakenAt {
		t.Errorf("DecodeManifest: got %v, error %v", got.TakenAt, err)
	}
}

// TestManifestBounds checks that a manifest outside the bounds is neither written nor read.
func TestManifestBounds(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"format 0":               func(m *Manifest) { m.Format = 0 },
		"format 2":               func(m *Manifest) { m.Format = 2 },
		"no id":                  func(m *Manifest) { m.ID = "" },
		"id of a path":           func(m *Manifest) { m.ID = "../../etc/passwd" },
		"id of another time":     func(m *Manifest) { m.ID = "20261122T100001Z-120001" },
		"id of another revision": func(m *Manifest) { m.ID = "20261122T100000Z-120002" },
		"time with a fraction":   func(m *Manifest) { m.TakenAt = m.TakenAt.Add(time.Millisecond) },
		"size 0":                 func(m *Manifest) { m.SizeBytes = 0 },
		"size negative":          func(m *Manifest) { m.SizeBytes = -1 },
		"size huge":              func(m *Manifest) { m.SizeBytes = maxSnapshotBytes + 1 },
		"object size 0":          func(m *Manifest) { m.Object.SizeBytes = 0 },
		"object size negative":   func(m *Manifest) { m.Object.SizeBytes = math.MinInt64 },
		"object size huge":       func(m *Manifest) { m.Object.SizeBytes = math.MaxInt64 },
		"no sha256":              func(m *Manifest) { m.SHA256 = "" },
		"short sha256":           func(m *Manifest) { m.SHA256 = m.SHA256[2:] },
		"upper case sha256":      func(m *Manifest) { m.SHA256 = strings.ToUpper(m.SHA256) },
		"sha256 of no hex":       func(m *Manifest) { m.SHA256 = strings.Repeat("zz", 32) },
		"object sha256":          func(m *Manifest) { m.Object.SHA256 = m.Object.SHA256[:63] },
		"keys negative":          func(m *Manifest) { m.TotalKeys = -1 },
		"compact revision -2":    func(m *Manifest) { m.CompactRevision = -2 },
		"hash revision negative": func(m *Manifest) { m.HashKV.Revision = -1 },
		"hash compact -2":        func(m *Manifest) { m.HashKV.CompactRevision = -2 },
		"took negative":          func(m *Manifest) { m.TookSeconds = -0.1 },
		"compression":            func(m *Manifest) { m.Object.Compression = "gzip" },
		"no compression":         func(m *Manifest) { m.Object.Compression = "" },
		"encryption":             func(m *Manifest) { m.Object.Encryption = "gpg" },
		"too many checks":        func(m *Manifest) { m.Checks = make([]Check, 11) },
		"long check":             func(m *Manifest) { m.Checks[0].Detail = strings.Repeat("x", 4097) },
	} {
		wantRefused(t, name, change)
	}
	for _, bad := range []string{"\x1b[2J", "a\nb", "\x00", "\x7f", "\u009b31m", "\u0085", "\uFFFD", strings.Repeat("x", 4097)} {
		for name, change := range map[string]func(*Manifest){
			"cluster name":    func(m *Manifest) { m.Cluster.Name = bad },
			"cluster id":      func(m *Manifest) { m.Cluster.ID = bad },
			"member name":     func(m *Manifest) { m.Member.Name = bad },
			"member id":       func(m *Manifest) { m.Member.ID = bad },
			"role":            func(m *Manifest) { m.Member.Role = bad },
			"version":         func(m *Manifest) { m.Member.Version = bad },
			"reason":          func(m *Manifest) { m.Member.Reason = bad },
			"storage version": func(m *Manifest) { m.StorageVersion = bad },
			"status hash":     func(m *Manifest) { m.StatusHash = bad },
			"key":             func(m *Manifest) { m.Object.Key = bad },
			"object version":  func(m *Manifest) { m.Object.Version = bad },
			"tool":            func(m *Manifest) { m.Tool = bad },
			"restore":         func(m *Manifest) { m.Restore = bad },
			"check name":      func(m *Manifest) { m.Checks[1].Name = bad },
			"check detail":    func(m *Manifest) { m.Checks[1].Detail = bad },
		} {
			wantRefused(t, name, change)
		}
	}
}

func wantRefused(t *testing.T, name string, change func(*Manifest)) {
	t.Helper()
	m := manifest()
	change(&m)
	if _, err := m.Encode(); err == nil {
		t.Errorf("%s: Encode took it", name)
	}
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeManifest(body)
	if err == nil || got.ID != "" {
		t.Errorf("%s: DecodeManifest gave %+v, error %v", name, got, err)
	} else if strings.ContainsAny(err.Error(), "\x1b\x00\n") || len(err.Error()) > 600 {
		t.Errorf("%s: the error obeys what it refuses: %q", name, err)
	}
}

func TestManifestUnreadable(t *testing.T) {
	body, err := manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "null": []byte("null"), "a list": []byte("[]"), "text": []byte("manifest"), "cut": body[:len(body)/2],
		"two":          append(bytes.Clone(body), body...),
		"brace behind": append(bytes.Clone(body), "}"...),
		"rubbish":      append(bytes.Clone(body), "\x00\x00"...),
		"wrong type":   bytes.Replace(body, []byte(`"revision": 120001`), []byte(`"revision": "120001"`), 1),
		"large":        append(bytes.Clone(body), bytes.Repeat([]byte(" "), MaxManifestBytes)...),
	} {
		if m, err := DecodeManifest(bad); err == nil {
			t.Errorf("%s: got %+v", name, m)
		}
	}
	if m := manifest(); !m.Proven() {
		t.Error("a manifest with levels 1 and 2 is not proven")
	}
	m := manifest()
	m.TookSeconds = math.Inf(1)
	if _, err := m.Encode(); err == nil {
		t.Error("Encode took an infinite time")
	}
}

func FuzzDecodeManifest(f *testing.F) {
	body, err := manifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{body, body[:100], []byte(`{"format":1}`), []byte("[]"), bytes.Replace(body, []byte("zstd"), []byte("gzip"), 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := DecodeManifest(body)
		if err != nil {
			return
		}
		// An accepted manifest can be written and read again, and stays the same.
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("%s: accepted, and not to be written: %v", body, err)
		}
		if len(again) > MaxManifestBytes {
			return // indented it may be longer than it was
		}
		if same, err := DecodeManifest(again); err != nil || !reflect.DeepEqual(same, m) {
			t.Fatalf("read again: %+v, error %v, want %+v", same, err, m)
		}
	})
}
