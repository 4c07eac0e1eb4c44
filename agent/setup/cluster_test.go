package setup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/tree"
)

// toBucket asks for backups in a bucket, whose keys it gives to the host.
func toBucket(t *testing.T, h hostRoot, b bucket.Bucket) Request {
	t.Helper()
	h.Write(t, "root/s3", b.Keys)
	return Request{Yes: true, Name: "prod", S3: config.S3{Bucket: bucket.Name, Endpoint: b.Endpoint, Region: b.Region, PathStyle: true}, S3Keys: "/root/s3"}
}

// folder makes a folder for backups.
func (h hostRoot) folder(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(h.Root, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestWhole sets a host up for a real cluster and a real S3 server with the answers of an operator, and adds a folder in a second run.
func TestWhole(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	h := hostRoot{tree.Kubeadm(t, c)}
	b := bucket.New(t, bucket.All)
	h.Write(t, "root/s3", b.Keys)
	before := h.State(t)
	answers := []string{"prod", "s3", bucket.Name, b.Endpoint, b.Region, "/root/s3", ""}
	ask := Request{Config: unit.Config, Root: h.Root, Attended: true}

	// Not wanted: all was tried and shown, nothing was written.
	who := operator{answers: slices.Clone(answers)}
	if outcome, err := Run(t.Context(), ask, &who); err == nil || outcome.Written || len(outcome.Checks) != 2 || who.asked[len(who.asked)-1] != "confirm" {
		t.Fatalf("got %v, %+v", err, outcome)
	}
	h.Unchanged(t, before)

	who = operator{answers: slices.Clone(answers), wanted: true}
	outcome, err := Run(t.Context(), ask, &who)
	if err != nil || !outcome.Written || outcome.Started {
		t.Fatalf("got %v, %+v", err, outcome)
	}
	checks := outcome.Checks
	if len(checks) != 2 || !checks[0].OK || !strings.HasPrefix(checks[0].Detail, "3 of 3 members answer, leader m") || checks[1] != (Check{"store primary", true, "written, read and removed"}) ||
		len(outcome.Members) != 3 {
		t.Errorf("it tried %+v", checks)
	}
	if left := b.Objects(t); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	if text := h.Read(t, hostConfig) + h.Read(t, serviceDropIn); strings.Contains(text, b.Secret) || !strings.Contains(text, "LoadCredential=s3-primary:/root/s3\n") {
		t.Errorf("it wrote\n%s", text)
	}

	h.folder(t, "mnt/backups")
	r := h.must(t, Request{Yes: true, Directory: "/mnt/backups"})
	if !r.Written || len(r.Checks) != 3 || r.Checks[2] != (Check{"store second", true, "written, read and removed"}) {
		t.Errorf("the second run tried %+v", r.Checks)
	}
	before = h.State(t)
	h.must(t, Request{Yes: true}).nothingDiffers(t)
	h.Unchanged(t, before)
}

// TestWithoutDelete holds that a host which may not remove what it writes is set up, and that the rest is named.
func TestWithoutDelete(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := hostRoot{tree.Kubeadm(t, c)}
	b := bucket.New(t, bucket.Writer)
	r := h.must(t, toBucket(t, h, b))
	keys := b.Objects(t)
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "v1/prod/canary/20") {
		t.Fatalf("the bucket has %v", keys)
	}
	if len(r.Checks) != 2 || !r.Checks[1].OK || !strings.Contains(r.Checks[1].Detail, keys[0]+" stays") || !r.Written || len(r.Members) != 1 || r.Members[0].Role != "leader" {
		t.Errorf("got %+v", r.Outcome)
	}
}

// TestHoldsBack holds that nothing is written while the cluster or a store does not work, unless that is asked for.
func TestHoldsBack(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	h := hostRoot{tree.Kubeadm(t, c)}
	h.folder(t, "b")
	good := Request{Yes: true, Name: "prod", Directory: "/b"}
	held := func(name, says, try string, r Request) {
		t.Run(name, func(t *testing.T) {
			before := h.State(t)
			got := h.setup(t, r)
			if got.kind() != failed || !strings.Contains(got.err.Error(), says) || !strings.Contains(got.err.Error(), "nothing was written") || !strings.Contains(fault.Hint(got.err), try) {
				t.Errorf("to blame is %s: %v\nTry: %s", got.kind(), got.err, fault.Hint(got.err))
			}
			h.Unchanged(t, before)
		})
	}
	held("a folder that is not there", "there is no such folder: mount it", "--no-check writes without trying", with(good, Request{Directory: "/nonexistent"}))
	advice := Request{Advise: func(error) string { return "what the caller knows" }}
	held("a user who may not write", "access denied", "give these credentials the rights of a policy in /usr/share/etcdward/iam; to prune takes those of a pruner; --no-check", with(toBucket(t, h, bucket.New(t, `"s3:GetObject"`)), advice))
	held("nobody answers", "no endpoint answers", "see that etcd runs", with(good, Request{Endpoints: []string{"https://127.0.0.1:1"}}))
	held("no certificate", "cert_file", "what the caller knows; --no-check", with(with(good, Request{CertFile: "/root/s3"}), advice))
	c.Members[1].Stop()
	c.Members[2].Stop()
	held("no quorum", "no quorum: 1 of 3 members answer", "see that etcd runs", good)

	h.must(t, with(good, Request{NoCheck: true}))
	if _, err := os.Stat(filepath.Join(h.Root, hostConfig)); err != nil {
		t.Error(err)
	}
}

// TestOtherCluster holds that a home with backups of another cluster is left alone, and that nothing is written then.
func TestOtherCluster(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := hostRoot{tree.Kubeadm(t, c)}
	h.folder(t, "b")
	theirs, err := directory.Open(filepath.Join(h.Root, "b"))
	if err != nil {
		t.Fatal(err)
	}
	home, err := catalog.New(theirs, "prod")
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Claim(t.Context(), "1234", false); err != nil {
		t.Fatal(err)
	}
	before := h.State(t)
	r := h.setup(t, Request{Yes: true, Name: "prod", Directory: "/b"})
	if r.kind() != failed || !strings.Contains(r.err.Error(), catalog.ErrOtherCluster.Error()) || !strings.Contains(fault.Hint(r.err), "give this cluster another --name") {
		t.Errorf("to blame is %s: %v", r.kind(), r.err)
	}
	h.Unchanged(t, before)
}

// TestOneStoreFails holds that the others are tried all the same, and left as they were.
func TestOneStoreFails(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Plain: true, Args: []string{cluster.NoFsync}})
	h := layout(t, "debian")
	h.Write(t, "etc/default/etcd", "ETCD_LISTEN_CLIENT_URLS="+c.Members[0].ClientURL+"\n")
	h.folder(t, "b")
	server := storagetest.FakeGCS(t)
	before := h.State(t)
	r := h.setup(t, Request{Yes: true, Name: "lab", Directory: "/b", GCS: config.GCS{Bucket: "missing-bucket", Endpoint: server.Endpoint + "/storage/v1/"}})
	if r.kind() != failed || len(r.Checks) != 3 || r.Checks[1].OK || r.Checks[1].Name != "store primary" || r.Checks[2] != (Check{"store second", true, "written, read and removed"}) {
		t.Errorf("to blame is %s, it tried %+v: %v", r.kind(), r.Checks, r.err)
	}
	h.Unchanged(t, before)
}
