package restore

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// nameForm is what may name a member: etcd takes more, and splits --initial-cluster at = and commas.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// ParseMember reads NAME=URL[,URL…]; dataDir is that of the host.
func ParseMember(text, dataDir string) (Member, error) {
	name, urls, ok := strings.Cut(text, "=")
	if !ok {
		return Member{}, fmt.Errorf("member %q: want NAME=PEER_URL", text)
	}
	m := Member{Name: name, PeerURLs: strings.Split(urls, ","), DataDir: dataDir}
	return m, validateMembers([]Member{m})
}

// validateMembers holds names, URLs and paths to what etcd and this program can use.
func validateMembers(members []Member) error {
	if len(members) == 0 {
		return errors.New("there are no members")
	}
	names, urls := map[string]bool{}, map[string]bool{}
	for _, m := range members {
		switch {
		case !nameForm.MatchString(m.Name):
			return fmt.Errorf("member name %.70q: letters, digits, dots and dashes", m.Name)
		case names[m.Name]:
			return fmt.Errorf("member %s is there twice", m.Name)
		case !filepath.IsAbs(m.DataDir) || filepath.Clean(m.DataDir) != m.DataDir || m.DataDir == "/":
			return fmt.Errorf("member %s: data directory %q: an absolute path is wanted", m.Name, m.DataDir)
		case len(m.PeerURLs) == 0:
			return fmt.Errorf("member %s has no peer URL", m.Name)
		}
		names[m.Name] = true
		for _, text := range m.PeerURLs {
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Path != "" || u.User != nil || u.RawQuery != "" {
				return fmt.Errorf("member %s: peer URL %.100q: want https://HOST:PORT", m.Name, text)
			}
			if urls[text] {
				return fmt.Errorf("member %s: the peer URL %s is there twice", m.Name, text)
			}
			urls[text] = true
		}
	}
	return nil
}
