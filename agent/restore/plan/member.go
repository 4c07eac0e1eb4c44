package plan

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// nameForm is what may name a member. etcd takes more, and splits --initial-cluster at = and commas; what a shell would take for
// something else cannot be in the commands that a plan shows.
var nameForm = regexp.MustCompile(`^[\p{L}\p{N}]([\p{L}\p{N}._/:@+-]{0,251}[\p{L}\p{N}])?$`)

// ValidName reports whether etcd and a shell take a name of a member as it is.
func ValidName(name string) bool { return nameForm.MatchString(name) }

// ParseMembers reads NAME=URL[,URL…] of each; none is fine. dataDir is that of their hosts.
func ParseMembers(texts []string, dataDir string) (members []Member, err error) {
	for _, text := range texts {
		name, urls, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("member %q: want NAME=PEER_URL", text)
		}
		members = append(members, Member{Name: name, PeerURLs: strings.Split(urls, ","), DataDir: dataDir})
	}
	if len(members) == 0 {
		return nil, nil
	}
	return members, ValidateMembers(members)
}

// checkPeerURL takes https://HOST:PORT, where other members can find it.
func checkPeerURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.User != nil || u.RawQuery != "" {
		return fmt.Errorf("peer URL %.100q: want https://HOST:PORT", text)
	}
	if port, err := strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
		return fmt.Errorf("peer URL %.100q: want https://HOST:PORT, with a port from 1 to 65535", text)
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("peer URL %.100q: other members cannot find it there; give the address of the host", text)
	}
	return nil
}

// ValidateMembers holds names, URLs and paths to what etcd and this program can use.
func ValidateMembers(members []Member) error {
	if len(members) == 0 {
		return errors.New("there are no members")
	}
	names, urls := map[string]bool{}, map[string]bool{}
	for _, m := range members {
		switch {
		case !nameForm.MatchString(m.Name):
			return fmt.Errorf("member name %.70q: want letters, digits and ._/:@+-, which etcd and a shell take as they are; start etcd with such a --name", m.Name)
		case names[m.Name]:
			return fmt.Errorf("member %s is there twice", m.Name)
		case !filepath.IsAbs(m.DataDir) || filepath.Clean(m.DataDir) != m.DataDir || m.DataDir == "/":
			return fmt.Errorf("member %s: data directory %q: an absolute path is wanted", m.Name, m.DataDir)
		case len(m.PeerURLs) == 0:
			return fmt.Errorf("member %s has no peer URL", m.Name)
		}
		names[m.Name] = true
		for _, text := range m.PeerURLs {
			if err := checkPeerURL(text); err != nil {
				return fmt.Errorf("member %s: %w", m.Name, err)
			}
			if urls[text] {
				return fmt.Errorf("member %s: the peer URL %s is there twice", m.Name, text)
			}
			urls[text] = true
		}
	}
	return nil
}
