package catalog

import (
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// ByHand is the line for a shell that brings a snapshot back without etcdward. It is made of the ID and the names of what was done to
// the bytes, which DecodeManifest bounds: nothing that somebody wrote into a store gets into it.
func ByHand(m snapshot.Manifest) string {
	file := m.ID + ".db" + seal.Suffix(m.Object.Compression, m.Object.Encryption)
	steps := []string{}
	if m.Object.Encryption == seal.Age {
		steps = append(steps, "age -d -i IDENTITY "+file+" > "+strings.TrimSuffix(file, ".age"))
		file = strings.TrimSuffix(file, ".age")
	}
	if m.Object.Compression == seal.Zstd {
		steps = append(steps, "zstd -d "+file)
		file = strings.TrimSuffix(file, ".zst")
	}
	return strings.Join(append(steps, "etcdutl snapshot restore "+file+" --data-dir NEW"), " && ")
}

// MoveOn gives a snapshot the ID of the next second, where another one has its own: two of one second and revision are told apart so.
func MoveOn(m *snapshot.Manifest) {
	id := snapshot.NewID(m.TakenAt.Add(time.Second), m.Revision)
	m.TakenAt, m.ID = id.TakenAt, id.String()
	if m.Restore != "" {
		m.Restore = ByHand(*m)
	}
}
