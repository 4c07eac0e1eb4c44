package hostrecord

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// began returns when a process began, in ticks since the host booted, as proc_pid_stat(5) has it in field 22. The error wraps fs.ErrNotExist if there is
// no such process.
func began(pid int) (string, error) {
	const state, start = 0, 19 // fields after the name of the program, which is in brackets and may hold anything
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= start {
		return "", fmt.Errorf("decode %s: %d fields", path, len(fields))
	}
	if fields[state] == "Z" {
		return "", fmt.Errorf("process %d has ended: %w", pid, fs.ErrNotExist)
	}
	return fields[start], nil
}
