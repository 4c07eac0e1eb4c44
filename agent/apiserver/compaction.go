// Package apiserver holds what is asked of etcd by agent and kube-apiserver of one host against each other. It reads the static pods of the host
// and changes nothing.
//
// Its one invariant: what kube-apiserver was told is either known or said to be unknown.
package apiserver

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/etcdward/etcdward/agent/staticpod"
)

// defaultInterval is how often kube-apiserver compacts unless it is told otherwise (--etcd-compaction-interval). It keeps as much history.
const defaultInterval = 5 * time.Minute

const intervalFlag = "etcd-compaction-interval"

// Compaction returns how often the kube-apiserver of the host compacts, 0 for never, and the file that says so. where is "" if no static pod of
// the host runs one. An error means that one runs, or may run, and cannot be understood or read.
func Compaction(root fs.FS) (interval time.Duration, where string, err error) {
	kubelet, err := staticpod.OfHost(root)
	if err != nil {
		return 0, "", fmt.Errorf("kubelet of this host: %w", err)
	}
	all, err := staticpod.Read(root, kubelet.Folder, kubelet.NodeName)
	if err != nil {
		return 0, "", fmt.Errorf("static pods: %w", err)
	}
	for _, m := range all {
		p, runs, err := m.Running("kube-apiserver", "")
		if err == nil && runs {
			err = p.Known(intervalFlag)
		}
		if err != nil {
			return 0, m.File, err
		}
		if !runs {
			continue
		}
		text := p.Get(intervalFlag)
		if text == "" {
			return defaultInterval, m.File, nil
		}
		if interval, err = time.ParseDuration(text); err != nil {
			return 0, m.File, p.Problem(intervalFlag, "%q is no duration", text)
		}
		return interval, m.File, nil
	}
	return 0, "", nil
}

// Warnings says what is wrong with keeping so much history of a cluster whose kube-apiserver runs on this host; nothing, if none does.
func Warnings(root fs.FS, keep time.Duration) []string {
	interval, where, err := Compaction(root)
	switch {
	case err != nil:
		return []string{fmt.Sprintf("compaction.keep: not compared with --%s of kube-apiserver: %v", intervalFlag, err)}
	case where == "" || keep >= interval:
		return nil
	}
	return []string{fmt.Sprintf("compaction.keep: %s is shorter than the --%s of kube-apiserver, %s in %s: its watches and paged lists will break with 410 Gone; keep at least that",
		keep, intervalFlag, interval, where)}
}
