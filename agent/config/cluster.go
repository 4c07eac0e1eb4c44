package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/etcdward/etcdward/agent/config/document"
	"github.com/etcdward/etcdward/agent/config/value"
)

var name63 = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

const wrongName = "not a name (allowed: 1 to 63 of a-z, 0-9 and -)"

// Check implements [document.Checker].
func (c *Cluster) Check(r *document.Reader, path string) {
	if at := document.Child(path, "name"); r.Sound(at) && !name63.MatchString(c.Name) {
		r.Report(at, wrongName)
	}
	secure := c.checkEndpoints(r, document.Child(path, "endpoints"))
	c.checkFiles(r, path, secure)
	c.checkUser(r, path)
}

// checkEndpoints returns whether the endpoints are https. It returns nil if that is not certain.
func (c *Cluster) checkEndpoints(r *document.Reader, path string) (secure *bool) {
	if !r.Sound(path) {
		return nil
	}
	if len(c.Endpoints) == 0 {
		r.Report(path, "at least one endpoint is needed, such as https://127.0.0.1:2379")
		return nil
	}
	first := map[string]int{}
	mixed := false
	for i, endpoint := range c.Endpoints {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !r.Sound(at) {
			continue
		}
		u, err := value.ParseEndpoint(endpoint)
		if err != nil {
			r.Report(at, "%v", err)
			continue
		}
		isSecure := u.Scheme == "https"
		if secure == nil {
			secure = &isSecure
		}
		place := strings.ToLower(u.Host)
		j, twice := first[place]
		switch {
		case isSecure != *secure:
			r.Report(at, "http and https are mixed: all endpoints of a cluster are one or the other")
			mixed = true
		case twice:
			r.Report(at, "the same endpoint as %s[%d]", path, j)
		default:
			first[place] = i
		}
	}
	if mixed {
		return nil
	}
	return secure
}

// checkFiles also clears the default paths of the three files if the endpoints are http, which does not use
// them.
func (c *Cluster) checkFiles(r *document.Reader, path string, secure *bool) {
	ca, cert, key := document.Child(path, "ca_file"), document.Child(path, "cert_file"), document.Child(path, "key_file")
	files := []struct {
		path string
		file *File
	}{{ca, &c.CAFile}, {cert, &c.CertFile}, {key, &c.KeyFile}}
	if secure != nil && !*secure {
		for _, f := range files {
			switch {
			case !r.Sound(f.path):
			case !r.Given(f.path):
				*f.file = ""
			case *f.file != "":
				r.Report(f.path, "has no use with http endpoints: write https in cluster.endpoints, or leave it out")
			}
		}
		return
	}
	if secure != nil && r.Sound(ca) && c.CAFile == "" {
		r.Report(ca, "is needed for https endpoints: the certificate of the CA that signed theirs")
	}
	if r.Sound(cert) && r.Sound(key) {
		switch {
		case r.Given(cert) && !r.Given(key) && c.CertFile != "", c.CertFile != "" && c.KeyFile == "":
			r.Report(cert, "cert_file and key_file go together: give cluster.key_file too")
		case r.Given(key) && !r.Given(cert) && c.KeyFile != "", c.KeyFile != "" && c.CertFile == "":
			r.Report(key, "cert_file and key_file go together: give cluster.cert_file too")
		}
	}
}

func (c *Cluster) checkUser(r *document.Reader, path string) {
	user, password := document.Child(path, "username"), document.Child(path, "password_file")
	if !r.Sound(user) || !r.Sound(password) {
		return
	}
	switch {
	case c.Username != "" && c.PasswordFile == "":
		r.Report(user, "a user needs a password: give cluster.password_file too")
	case c.Username == "" && c.PasswordFile != "":
		r.Report(password, "a password needs a user: give cluster.username too")
	}
}
