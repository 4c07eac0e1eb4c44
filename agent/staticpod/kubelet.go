package staticpod

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// DefaultFolder is where kubeadm has the kubelet look for static pods.
const DefaultFolder = "/etc/kubernetes/manifests"

// Kubelet is what the kubelet of a host was told of static pods.
type Kubelet struct {
	// Folder that it watches. From is the file that says so, "" for the default.
	Folder, From string
	// NodeName is what the host is called in its cluster; "" if it is not known.
	NodeName string
}

// kubeletConfig is where kubeadm puts it.
const kubeletConfig = "/var/lib/kubelet/config.yaml"

// kubeletFlags are the files in which distributions give the kubelet more flags.
var kubeletFlags = []string{"/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet", "/etc/kubernetes/kubelet.env"}

// OfHost reads what the kubelet of a host was told. What cannot be understood of it is passed over: the default stands.
func OfHost(root fs.FS) (Kubelet, error) {
	k := Kubelet{Folder: DefaultFolder}
	hostname, err := readFile(root, "/etc/hostname")
	if err != nil {
		return k, err
	}
	k.NodeName = strings.ToLower(strings.TrimSpace(string(hostname)))
	config := kubeletConfig
	var flagged string
	for _, file := range kubeletFlags {
		flags, err := k.flags(root, file)
		if err != nil {
			return k, err
		}
		if at := flags["config"]; path.IsAbs(at.Value) {
			config = at.Value
		}
		if at := flags["hostname-override"]; at.Value != "" && !at.Unresolved {
			k.NodeName = strings.ToLower(at.Value)
		}
		if at := flags["pod-manifest-path"]; path.IsAbs(at.Value) {
			flagged = file
			k.Folder = path.Clean(at.Value)
		}
	}
	k.From = flagged
	files := []string{config}
	more, err := fs.Glob(root, "etc/kubernetes/kubelet.conf.d/*.conf")
	if err != nil {
		return k, err
	}
	slices.Sort(more)
	for _, name := range more {
		files = append(files, "/"+name)
	}
	for _, file := range files {
		text, err := readFile(root, file)
		if err != nil {
			return k, err
		}
		if at, _, err := hostfile.ParseYAML(file, text); err == nil && flagged == "" && path.IsAbs(at.Field("staticPodPath").Text()) {
			k.Folder, k.From = path.Clean(at.Field("staticPodPath").Text()), file
		}
	}
	return k, nil
}

// flags of the kubelet in a file of NAME=value lines, whatever the names.
func (k Kubelet) flags(root fs.FS, file string) (map[string]hostfile.Setting, error) {
	text, err := readFile(root, file)
	if err != nil {
		return nil, err
	}
	env, err := hostfile.ParseEnv(file, text)
	var problem *hostfile.Problem
	if errors.As(err, &problem) {
		return nil, nil
	}
	of := map[string]hostfile.Setting{}
	for _, set := range env {
		var words []hostfile.Word
		for _, text := range strings.Fields(set.Value) {
			words = append(words, hostfile.Word{Text: text, Line: set.Line, Unresolved: strings.Contains(text, "$")})
		}
		for name, flag := range hostfile.Flags(words) {
			of[name] = flag
		}
	}
	return of, nil
}

// readFile gives nothing for a file that is not there, or may not be read: only the default is lost by that.
func readFile(root fs.FS, name string) ([]byte, error) {
	text, err := fs.ReadFile(root, inside(name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(name, err)
	}
	return text, nil
}
