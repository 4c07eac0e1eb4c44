package directory

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// mounted is the kind of the file system that a path lies on, as the kernel calls it: "nfs4", "exfat", "fuse.rclone". "unknown" if it
// does not say. It asks the kernel alone, and not the file system, which may hang.
func mounted(path string) string {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "unknown"
	}
	defer table.Close()
	kind, longest := "unknown", -1
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		left, right, ok := strings.Cut(lines.Text(), " - ")
		fields, rest := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(rest) < 1 {
			continue
		}
		point := unescape.Replace(fields[4])
		// Of two mounts at one point the later one is on top.
		if below(filepath.Clean(path), point) && len(point) >= longest {
			kind, longest = rest[0], len(point)
		}
	}
	return kind
}

// unescape undoes how the kernel writes names in its table.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// below reports whether a path is a folder, or in it.
func below(path, folder string) bool {
	return folder == "/" || path == folder || strings.HasPrefix(path, folder+"/")
}
