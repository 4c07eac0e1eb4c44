package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var name63 = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

const wrongName = "not a name (allowed: 1 to 63 of a-z, 0-9 and -)"

func (c *Cluster) check(d *decoder, path string) {
	if at := child(path, "name"); d.sound(at) && !name63.MatchString(c.Name) {
		d.report(at, wrongName)
	}
	secure := c.checkEndpoints(d, child(path, "endpoints"))
	c.checkFiles(d, path, secure)
	c.checkUser(d, path)
}

// checkEndpoints returns whether the endpoints are https; false and true both
// only where that is certain, nil otherwise.
func (c *Cluster) checkEndpoints(d *decoder, path string) (secure *bool) {
	if !d.sound(path) {
		return nil
	}
	if len(c.Endpoints) == 0 {
		d.report(path, "at least one endpoint is needed, such as https://127.0.0.1:2379")
		return nil
	}
	first := map[string]int{}
	mixed := false
	for i, endpoint := range c.Endpoints {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !d.sound(at) {
			continue
		}
		u, err := parseEndpoint(endpoint)
		if err != nil {
			d.report(at, "%v", err)
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
			d.report(at, "http and https are mixed: all endpoints of a cluster are one or the other")
			mixed = true
		case twice:
			d.report(at, "the same endpoint as %s[%d]", path, j)
		default:
			first[place] = i
		}
	}
	if mixed {
		return nil
	}
	return secure
}

// checkFiles also empties the defaults of the three files where the endpoints
// are http and have no use for them.
func (c *Cluster) checkFiles(d *decoder, path string, secure *bool) {
	ca, cert, key := child(path, "ca_file"), child(path, "cert_file"), child(path, "key_file")
	files := []struct {
		path string
		file *File
	}{{ca, &c.CAFile}, {cert, &c.CertFile}, {key, &c.KeyFile}}
	if secure != nil && !*secure {
		for _, f := range files {
			switch {
			case !d.sound(f.path):
			case !d.given(f.path):
				*f.file = ""
			case *f.file != "":
				d.report(f.path, "has no use with http endpoints: write https in cluster.endpoints, or leave it out")
			}
		}
		return
	}
	if secure != nil && d.sound(ca) && c.CAFile == "" {
		d.report(ca, "is needed for https endpoints: the certificate of the CA that signed theirs")
	}
	if d.sound(cert) && d.sound(key) {
		switch {
		case d.given(cert) && !d.given(key) && c.CertFile != "", c.CertFile != "" && c.KeyFile == "":
			d.report(cert, "cert_file and key_file go together: give cluster.key_file too")
		case d.given(key) && !d.given(cert) && c.KeyFile != "", c.KeyFile != "" && c.CertFile == "":
			d.report(key, "cert_file and key_file go together: give cluster.cert_file too")
		}
	}
}

func (c *Cluster) checkUser(d *decoder, path string) {
	user, password := child(path, "username"), child(path, "password_file")
	if !d.sound(user) || !d.sound(password) {
		return
	}
	switch {
	case c.Username != "" && c.PasswordFile == "":
		d.report(user, "a user needs a password: give cluster.password_file too")
	case c.Username == "" && c.PasswordFile != "":
		d.report(password, "a password needs a user: give cluster.username too")
	}
}

// parseEndpoint reads the address of an etcd member. Its errors never repeat s.
func parseEndpoint(s string) (*url.URL, error) {
	const allowed = " (allowed: https://HOST:PORT or http://HOST:PORT)"
	u, err := parseURL(s)
	switch {
	case errors.Is(err, errUserinfo):
		return nil, fmt.Errorf("%w: put them in cluster.username and cluster.password_file", err)
	case strings.Contains(s, ","):
		return nil, errors.New("more than one URL: each is an item of its own" + allowed)
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, allowed)
	case u.Port() == "":
		return nil, errors.New("the port is missing" + allowed)
	case u.Path == "/":
		return nil, errors.New("leave the last slash out" + allowed)
	case u.Path != "":
		return nil, errors.New("an endpoint has no path" + allowed)
	}
	return u, nil
}
