package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/config/document"
	"github.com/etcdward/etcdward/agent/config/value"
)

// minKeepWithin is below every sensible age: a shorter value is most likely a wrong unit.
const minKeepWithin = time.Hour

// Check implements [document.Checker], with the rules between sections.
func (c *Config) Check(r *document.Reader, path string) {
	at := document.Child(path, "stores")
	if !r.Sound(at) {
		return
	}
	if len(c.Stores) == 0 {
		r.Report(at, "at least one store is needed")
	}
	names, places := map[string]int{}, map[string]int{}
	for i, s := range c.Stores {
		item := fmt.Sprintf("%s[%d]", at, i)
		if name := document.Child(item, "name"); r.Sound(name) {
			if j, twice := names[s.Name]; twice {
				r.Report(name, "the name of %s[%d]: each store has its own", at, j)
			} else {
				names[s.Name] = i
			}
		}
		place, ok := s.place()
		if !ok || !r.Clean(item) {
			continue
		}
		if j, twice := places[place]; twice {
			r.Report(document.Child(item, s.Kind()), "the same place as %s[%d]: a second copy in the same place protects nothing", at, j)
		} else {
			places[place] = i
		}
	}
}

// Check implements [document.Checker].
func (s *Store) Check(r *document.Reader, path string) {
	if at := document.Child(path, "name"); r.Sound(at) && !name63.MatchString(s.Name) {
		r.Report(at, wrongName)
	}
	kinds := []string{}
	for _, kind := range []string{"s3", "gcs", "directory"} {
		if r.Given(document.Child(path, kind)) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		r.Report(path, "does not say where: give one of s3, gcs and directory")
	case len(kinds) > 1:
		r.Report(document.Child(path, kinds[1]), "one store is one place, and %s is already given: add a second store", kinds[0])
	}
}

// place is what two stores must not share. The endpoint is enough to tell buckets of the same name apart,
// since S3 and GCS each use a bucket name only once in the whole world.
func (s *Store) place() (string, bool) {
	switch {
	case s.S3 != nil:
		return strings.Join([]string{"s3", strings.ToLower(strings.TrimSuffix(s.S3.Endpoint, "/")), s.S3.Bucket, s.S3.Prefix}, "\n"), true
	case s.GCS != nil:
		return strings.Join([]string{"gcs", strings.ToLower(strings.TrimSuffix(s.GCS.Endpoint, "/")), s.GCS.Bucket, s.GCS.Prefix}, "\n"), true
	case s.Directory != nil:
		return "directory\n" + s.Directory.Path, true
	}
	return "", false
}

// Check implements [document.Checker].
func (keep *Retention) Check(r *document.Reader, path string) {
	checkKeepWithin(r, path, keep.KeepWithin)
}

// Check implements [document.Checker].
func (keep *RetentionOverride) Check(r *document.Reader, path string) {
	if keep.KeepWithin != nil {
		checkKeepWithin(r, path, *keep.KeepWithin)
	}
}

func checkKeepWithin(r *document.Reader, path string, keep time.Duration) {
	if at := document.Child(path, "keep_within"); r.Sound(at) && keep != 0 && keep < minKeepWithin {
		r.Report(at, "out of range (allowed: 0, or 1h or more)")
	}
}

// Check implements [document.Checker].
func (m *Metrics) Check(r *document.Reader, path string) {
	listen := document.Child(path, "listen")
	if m.Listen != Off {
		r.Judge(listen, m.Listen, value.CheckListen)
	}
	r.Judge(document.Child(path, "textfile"), m.Textfile, checkTextfile)
	cert, key, ca := document.Child(path, "tls_cert_file"), document.Child(path, "tls_key_file"), document.Child(path, "tls_client_ca_file")
	if !r.Sound(cert) || !r.Sound(key) || !r.Sound(ca) {
		return
	}
	switch {
	case m.TLSCertFile != "" && m.TLSKeyFile == "":
		r.Report(cert, "tls_cert_file and tls_key_file go together: give metrics.tls_key_file too")
	case m.TLSKeyFile != "" && m.TLSCertFile == "":
		r.Report(key, "tls_cert_file and tls_key_file go together: give metrics.tls_cert_file too")
	case m.TLSClientCAFile != "" && m.TLSCertFile == "":
		r.Report(ca, "clients show certificates only over TLS: give metrics.tls_cert_file and metrics.tls_key_file too")
	case m.TLSCertFile == "" && r.Sound(listen) && m.beyondThisHost():
		r.Report(listen, "can be reached from the network, in the clear: give metrics.tls_cert_file and metrics.tls_key_file, or listen on 127.0.0.1")
	}
}

// beyondThisHost reports whether other hosts can reach the listener.
func (m *Metrics) beyondThisHost() bool {
	host, _, err := net.SplitHostPort(m.Listen)
	return err == nil && !value.IsLoopback(host)
}

func checkTextfile(s string) error {
	const allowed = " (allowed: an absolute path that ends in .prom)"
	switch {
	case s == "":
		return nil
	case !strings.HasPrefix(s, "/"):
		return fmt.Errorf("not an absolute path%s", allowed)
	case filepath.Clean(s) != s:
		return fmt.Errorf("the path is not clean: leave out //, . and ..%s", allowed)
	case filepath.Ext(s) != ".prom" || filepath.Base(s) == ".prom":
		return fmt.Errorf("the collector of node_exporter reads only files that end in .prom%s", allowed)
	}
	return nil
}

// Check implements [document.Checker].
func (h *Heartbeat) Check(r *document.Reader, path string) {
	url, failure := document.Child(path, "url"), document.Child(path, "failure_url")
	r.Judge(url, h.URL, checkHeartbeat)
	r.Judge(failure, h.FailureURL, checkHeartbeat)
	if r.Sound(url) && r.Sound(failure) && h.FailureURL != "" && h.URL == "" {
		r.Report(failure, "without heartbeat.url nothing tells that a later snapshot succeeded: give that too")
	}
}

func checkHeartbeat(s string) error {
	switch s {
	case "":
		return nil
	case document.Hidden:
		return fmt.Errorf("%s is what config show prints in place of the URL: give the URL itself", document.Hidden)
	}
	return value.CheckService(s, "a token belongs in its path")
}
