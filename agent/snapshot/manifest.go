package snapshot

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Format is the version of the manifest that this program writes, and the only one it reads.
const Format = 1

// MaxManifestBytes is the largest size of a manifest. A larger one was not written by etcdward.
const MaxManifestBytes = 64 << 10

// maxOddMembers bounds how many members a manifest may name: no cluster has more.
const maxOddMembers = 64

// maxSnapshotBytes bounds the sizes a manifest may claim: etcd advises against databases beyond 8 GiB.
const maxSnapshotBytes = 1 << 40

// Manifest is the commit record of a stored snapshot: a snapshot exists only if its manifest does.
type Manifest struct {
	Format  int     `json:"format"`
	ID      string  `json:"id"`
	Cluster Cluster `json:"cluster"`
	// TakenAt is when the stream began, UTC, in whole seconds.
	TakenAt     time.Time `json:"taken_at"`
	TookSeconds float64   `json:"took_seconds"`
	Member      Member    `json:"member"`
	Facts
	Checks []Check `json:"checks"`
	// Inconclusive are the checks that could not be decided. A version that does not know the field passes over it.
	Inconclusive []Open `json:"inconclusive,omitempty"`
	// OddMembers held other data than the majority, and the snapshot, when it was taken: they are at fault, and not the snapshot,
	// unless it failed a check too.
	OddMembers []OddMember `json:"odd_members,omitempty"`
	// Emergency marks a snapshot of a member without quorum: sound, but it may lack the newest writes.
	Emergency bool   `json:"emergency,omitempty"`
	Object    Stored `json:"object"`
	Tool      string `json:"tool"`
	// Restore says how to get the plain file back without etcdward.
	Restore string `json:"restore"`
}

// Cluster names the cluster a snapshot is of.
type Cluster struct {
	Name string `json:"name"`
	ID   string `json:"id"` // etcd's cluster id, hex
}

// Member is the member that served the stream.
type Member struct {
	Name    string `json:"name"`
	ID      string `json:"id"`      // hex
	Role    string `json:"role"`    // follower, leader or learner
	Version string `json:"version"` // of its etcd server
	Reason  string `json:"reason,omitempty"`
}

// Stored is the data object of a snapshot.
type Stored struct {
	Key string `json:"key"`
	// Version is the store's version of the object, "" if the store keeps none. It differs from store to
	// store.
	Version     string `json:"version"`
	SizeBytes   int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"`      // of the stored bytes, hex
	Compression string `json:"compression"` // zstd or none
	Encryption  string `json:"encryption"`  // age or none
}

// Encode writes the manifest as it is stored.
func (m Manifest) Encode() ([]byte, error) {
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("encode manifest %s: %w", m.ID, err)
	}
	m.TakenAt = m.TakenAt.UTC()
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // people read and copy the commands of Restore
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode manifest %s: %w", m.ID, err)
	}
	return body.Bytes(), nil
}

// DecodeManifest reads a manifest from a store. The store is not trusted, so DecodeManifest checks the range
// of everything that later code computes with. An error means that this is not a manifest of ours. Unknown
// fields are ignored, so that a later version may add some.
func DecodeManifest(body []byte) (Manifest, error) {
	var m Manifest
	if len(body) > MaxManifestBytes {
		return m, fmt.Errorf("manifest: %d bytes, more than %d", len(body), MaxManifestBytes)
	}
	if err := DecodeJSON(body, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	if err := m.validate(); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	m.TakenAt = m.TakenAt.UTC()
	return m, nil
}

// Proven reports whether the snapshot can be relied on: levels 1 and 2 were checked, and no check failed.
func (m Manifest) Proven() bool { return Level(m.Checks) >= 2 }

// validate checks every field that code or an operator relies on.
func (m Manifest) validate() error {
	if m.Format != Format {
		return fmt.Errorf("format %d is not known to this version, which reads %d", m.Format, Format)
	}
	id, err := ParseID(m.ID)
	if err != nil {
		return err
	}
	if !id.TakenAt.Equal(m.TakenAt) || id.Revision != m.Revision {
		return fmt.Errorf("id %s does not fit taken_at %s and revision %d", m.ID, m.TakenAt.UTC().Format(time.RFC3339), m.Revision)
	}
	for _, size := range []int64{m.SizeBytes, m.Object.SizeBytes} {
		if size <= 0 || size > maxSnapshotBytes {
			return fmt.Errorf("size of %d bytes", size)
		}
	}
	for _, sum := range []string{m.SHA256, m.Object.SHA256} {
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 || strings.ToLower(sum) != sum {
			return fmt.Errorf("%.70q is no SHA-256", sum)
		}
	}
	if m.TotalKeys < 0 || m.CompactRevision < -1 || m.HashKV.Revision < 0 || m.HashKV.CompactRevision < -1 || m.TookSeconds < 0 {
		return errors.New("a count or a revision is negative")
	}
	if !slices.Contains([]string{"zstd", "none"}, m.Object.Compression) || !slices.Contains([]string{"age", "none"}, m.Object.Encryption) {
		return fmt.Errorf("compression %.20q, encryption %.20q", m.Object.Compression, m.Object.Encryption)
	}
	return m.validateText()
}

// validateText refuses control characters, which a terminal would obey, and overlong text.
func (m Manifest) validateText() error {
	texts := []string{m.Cluster.Name, m.Cluster.ID, m.Member.Name, m.Member.ID, m.Member.Role, m.Member.Version, m.Member.Reason,
		m.StorageVersion, m.StatusHash, m.Object.Key, m.Object.Version, m.Tool, m.Restore}
	if len(m.Checks)+len(m.Inconclusive) > 2*len(levels) || len(m.OddMembers) > maxOddMembers {
		return fmt.Errorf("%d checks, %d inconclusive, %d odd members", len(m.Checks), len(m.Inconclusive), len(m.OddMembers))
	}
	for _, c := range m.Checks {
		texts = append(texts, c.Name, c.Detail)
	}
	for _, o := range m.Inconclusive {
		texts = append(texts, o.Name, o.Detail)
	}
	for _, o := range m.OddMembers {
		texts = append(texts, o.Name, o.ID, o.Detail)
	}
	for _, s := range texts {
		if len(s) > maxTextBytes || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
			return fmt.Errorf("text %.40q is too long or holds control characters", s)
		}
	}
	return nil
}
