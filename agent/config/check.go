package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// minKeepWithin is below every sensible age; what is shorter is a wrong unit.
const minKeepWithin = time.Hour

func (c *Config) check(d *decoder, path string) {
	at := child(path, "stores")
	if !d.sound(at) {
		return
	}
	if len(c.Stores) == 0 {
		d.report(at, "at least one store is needed")
	}
	names, places := map[string]int{}, map[string]int{}
	for i, s := range c.Stores {
		item := fmt.Sprintf("%s[%d]", at, i)
		if name := child(item, "name"); d.sound(name) {
			if j, twice := names[s.Name]; twice {
				d.report(name, "the name of %s[%d]: each store has its own", at, j)
			} else {
				names[s.Name] = i
			}
		}
		place, ok := s.place()
		if !ok || !d.clean(item) {
			continue
		}
		if j, twice := places[place]; twice {
			d.report(child(item, s.Kind()), "the same place as %s[%d]: a second copy there is none", at, j)
		} else {
			places[place] = i
		}
	}
}

func (s *Store) check(d *decoder, path string) {
	if at := child(path, "name"); d.sound(at) && !name63.MatchString(s.Name) {
		d.report(at, wrongName)
	}
	kinds := []string{}
	for _, kind := range []string{"s3", "gcs", "directory"} {
		if d.given(child(path, kind)) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		d.report(path, "says not where: give one of s3, gcs and directory")
	case len(kinds) > 1:
		d.report(child(path, kinds[1]), "one store is one place, and %s is given already: make a second store", kinds[0])
	}
}

// place is what two stores must not share. Names of a bucket differ by endpoint
// only: S3 and GCS name their buckets once for the whole world.
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

func (r *Retention) check(d *decoder, path string) {
	checkKeepWithin(d, path, r.KeepWithin)
}

func (r *RetentionOverride) check(d *decoder, path string) {
	if r.KeepWithin != nil {
		checkKeepWithin(d, path, *r.KeepWithin)
	}
}

func checkKeepWithin(d *decoder, path string, keep time.Duration) {
	if at := child(path, "keep_within"); d.sound(at) && keep != 0 && keep < minKeepWithin {
		d.report(at, "out of range (allowed: 0, or 1h or more)")
	}
}

func (m *Metrics) check(d *decoder, path string) {
	if m.Listen != Off {
		d.judge(child(path, "listen"), m.Listen, parseListen)
	}
	d.judge(child(path, "textfile"), m.Textfile, checkTextfile)
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

func (h *Heartbeat) check(d *decoder, path string) {
	d.judge(child(path, "url"), h.URL, checkHeartbeat)
}

func checkHeartbeat(s string) error {
	switch s {
	case "":
		return nil
	case hidden:
		return fmt.Errorf("%s is what config show prints in place of the URL: give the URL itself", hidden)
	}
	return checkService(s, "a token belongs in its path")
}

// hidden is printed in place of a secret.
const hidden = "<secret>"
