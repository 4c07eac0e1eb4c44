package defrag

import "fmt"

// knownBad says whether a version's defragmentation is known to be able to corrupt the member's data (etcd issue #20271): those
// before 3.4.38, 3.5.23 and 3.6.5. So does one that cannot be read.
func knownBad(version string) bool {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil || major < 3 {
		return true
	}
	if major > 3 || minor > 6 {
		return false
	}
	sound, known := map[int]int{4: 38, 5: 23, 6: 5}[minor]
	return !known || patch < sound
}
