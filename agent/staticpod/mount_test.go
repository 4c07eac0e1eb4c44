package staticpod

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHostPath(t *testing.T) {
	p := Program{mounts: []mount{{"/var", "/host/var"}, {"/var/lib/etcd", "/srv/etcd"}, {"/etc/ca.crt", "/k/ca.crt"}}}
	for inside, want := range map[string]string{"/var/lib/etcd": "/srv/etcd", "/var/lib/etcd/member": "/srv/etcd/member", "/var/lib/etcd2": "/host/var/lib/etcd2",
		"/var/x": "/host/var/x", "/etc/ca.crt": "/k/ca.crt", "/etc/ca.crt2": "/etc/ca.crt2", "/opt": "/opt", "": ""} {
		if got := p.HostPath(inside); got != want {
			t.Errorf("%s is %s, want %s", inside, got, want)
		}
	}
}
