package kubeadm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"

	"go.yaml.in/yaml/v4"
)

// pod is as much of a static pod as is read.
type pod struct {
	Spec struct {
		Containers []container `yaml:"containers"`
		Volumes    []struct {
			Name     string `yaml:"name"`
			HostPath struct {
				Path string `yaml:"path"`
			} `yaml:"hostPath"`
		} `yaml:"volumes"`
	} `yaml:"spec"`
}

type container struct {
	Name    string   `yaml:"name"`
	Image   string   `yaml:"image"`
	Command []string `yaml:"command"`
	Args    []string `yaml:"args"`
	Env     []struct {
		Name  string `yaml:"name"`
		Value string `yaml:"value"`
	} `yaml:"env"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
	} `yaml:"volumeMounts"`
}

// readPod reads one manifest from the first of the folders that has it.
func readPod(name string, folders ...string) (p pod, found bool, err error) {
	defer func() {
		if r := recover(); r != nil { // as in decodePlan
			err = fmt.Errorf("read %s: %v", name, r)
		}
	}()
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = yaml.Load(text, &p)
		}
		if err == nil && len(p.Spec.Containers) == 0 {
			err = errors.New("it is no pod with a container")
		}
		if err != nil {
			return p, false, fmt.Errorf("read %s: %w", filepath.Join(folder, name), err)
		}
		return p, true, nil
	}
	return p, false, nil
}

// running is the container that runs a program; the first where none says so.
func (p pod) running(program string) container {
	for _, c := range p.Spec.Containers {
		if c.Name == program || len(c.Command) > 0 && filepath.Base(c.Command[0]) == program {
			return c
		}
	}
	return p.Spec.Containers[0]
}

// flags are --name=value and --name value, as etcd and Kubernetes take them, with $(VARIABLE) of the manifest put in. What comes
// later counts.
func (c container) flags() map[string]string {
	var pairs []string
	for _, e := range c.Env {
		pairs = append(pairs, "$("+e.Name+")", e.Value)
	}
	fill, flags, words := strings.NewReplacer(pairs...), map[string]string{}, slices.Concat(c.Command, c.Args)
	for i, word := range words {
		text, dashed := strings.CutPrefix(word, "-")
		if !dashed {
			continue
		}
		name, value, given := strings.Cut(strings.TrimPrefix(text, "-"), "=")
		if !given && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			value = words[i+1]
		}
		flags[name] = fill.Replace(value)
	}
	return flags
}

// etcdFlags are the flags, and what etcd takes from its environment where there is none. The error means that they are said
// elsewhere.
func (c container) etcdFlags() (map[string]string, error) {
	flags := c.flags()
	for _, e := range c.Env {
		text, ours := strings.CutPrefix(e.Name, "ETCD_")
		name := strings.ToLower(strings.ReplaceAll(text, "_", "-"))
		if _, given := flags[name]; ours && !given {
			flags[name] = e.Value
		}
	}
	for _, name := range []string{"config-file", "wal-dir"} {
		if value := flags[name]; value != "" {
			return nil, fault.WithHint(fmt.Errorf("etcd has --%s=%s, which is not supported", name, value), "restore by hand: etcdward fetch, and etcdutl snapshot restore with the token and the bump of the plan")
		}
	}
	if len(c.Command) > 0 && slices.Contains([]string{"sh", "bash", "dash", "ash"}, filepath.Base(c.Command[0])) {
		return nil, fault.WithHint(errors.New("etcd is started by a shell script, which cannot be read"), "stop etcd by hand, give --data-dir in place of --kubeadm, and start it")
	}
	for _, name := range []string{"name", "data-dir", "initial-advertise-peer-urls"} {
		if strings.Contains(flags[name], "$(") {
			return nil, fault.WithHint(fmt.Errorf("--%s=%s has a variable whose value is not in the manifest", name, flags[name]), "stop etcd by hand, give --data-dir in place of --kubeadm, and start it")
		}
	}
	return flags, nil
}

// hostPath is where a path in a container of the pod is on the host.
func (p pod) hostPath(c container, inside string) (string, error) {
	inside = filepath.Clean(inside)
	longest, found := -1, ""
	for _, mount := range c.VolumeMounts {
		at := filepath.Clean(mount.MountPath)
		rest, below := strings.CutPrefix(inside, strings.TrimSuffix(at, "/"))
		if !below || rest != "" && !strings.HasPrefix(rest, "/") || len(at) <= longest {
			continue
		}
		for _, v := range p.Spec.Volumes {
			if v.Name == mount.Name {
				longest, found = len(at), ""
				if v.HostPath.Path != "" {
					found = filepath.Join(v.HostPath.Path, mount.SubPath, rest)
				}
			}
		}
	}
	if found == "" {
		return "", fmt.Errorf("%s in the container is on no hostPath volume: nothing of it is on the host", inside)
	}
	return found, nil
}
