package catalog

import (
	"strings"

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
