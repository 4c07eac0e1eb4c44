package plan

import "testing"

func TestParseEtcdVersion(t *testing.T) {
	for text, want := range map[string]string{"3.6.16": "3.6.16", "v3.5": "3.5", "3.6.0-rc.1": "3.6.0-rc.1", "": "", "latest": "", "3": "", "3.6.x": "", "3.6 16": ""} {
		if got, err := ParseEtcdVersion(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestCheckVersion: what is not known passes; an older release than the data's is refused, an older patch is not.
func TestCheckVersion(t *testing.T) {
	for _, c := range []struct {
		host, data string
		refused    bool
	}{
		{"", "3.6.0", false}, {"what", "3.6.0", false}, {"3.6.16", "", false}, {"3.6.0", "3.6.0", false}, {"3.6.1", "3.6.16", false},
		{"3.7.0", "3.6.0", false}, {"3.5.30", "3.6.0", true}, {"3.6.16", "3.7.0", true}, {"3.10.0", "3.9.0", false},
	} {
		if err := (Source{StorageVersion: c.data}).CheckVersion(c.host); (err != nil) != c.refused {
			t.Errorf("etcd %q on data of %q: %v", c.host, c.data, err)
		}
	}
}
