package staticpod

import (
	"path"
	"strings"
)

// mount is a volume as the container sees it. host is "" where the volume is none of the host's.
type mount struct{ inside, host string }

func (c container) mounts() []mount {
	hosts := map[string]string{}
	for _, v := range c.pod.root.Field("spec").Field("volumes").Items() {
		hosts[v.Field("name").Text()] = v.Field("hostPath").Field("path").Text()
	}
	var mounts []mount
	for _, m := range c.Field("volumeMounts").Items() {
		inside, host := m.Field("mountPath").Text(), hosts[m.Field("name").Text()]
		if !path.IsAbs(inside) {
			continue
		}
		if path.IsAbs(host) {
			host = path.Join(host, m.Field("subPath").Text())
		} else {
			host = ""
		}
		mounts = append(mounts, mount{path.Clean(inside), host})
	}
	return mounts
}

// OnHost is where a path in the container is on the host; false: it is on no volume that is a folder of the host.
func (p Program) OnHost(name string) (string, bool) {
	m, is := p.covering(name)
	if !is || m.host == "" {
		return "", false
	}
	return path.Join(m.host, strings.TrimPrefix(path.Clean(name), m.inside)), true
}

// HostPath is OnHost, or the path as it is if no volume covers it; "" if one does that is not the host's.
func (p Program) HostPath(name string) string {
	if name == "" {
		return ""
	}
	if _, is := p.covering(name); !is {
		return name
	}
	host, _ := p.OnHost(name)
	return host
}

// covering is the innermost volume that a path lies on.
func (p Program) covering(name string) (best mount, is bool) {
	name = path.Clean(name)
	for _, m := range p.mounts {
		rest, below := strings.CutPrefix(name, m.inside)
		if below && (rest == "" || rest[0] == '/' || m.inside == "/") && len(m.inside) > len(best.inside) {
			best, is = m, true
		}
	}
	return best, is
}
