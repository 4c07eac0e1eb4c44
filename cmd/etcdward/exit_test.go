package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestConclude holds what is said of an error: each of several in a line of its own, and a way out that leads there.
func TestConclude(t *testing.T) {
	denied := func(word string) error {
		return fmt.Errorf("list: %w: %w", storage.ErrDenied, errors.New(word+": no (HTTP 403)"))
	}
	for _, test := range []struct {
		err  error
		code int
		says string // all of stderr
	}{
		{errors.New("a: b"), exitFailed, "etcdward: a: b\n"},
		{fmt.Errorf("prune: %w: %w", agent.ErrPartial, errors.Join(errors.New("store a: x"), errors.New("store b: y"))), exitFindings,
			"etcdward: prune: done, with findings: store a: x\netcdward: store b: y\n"},
		{denied("AccessDenied"), exitFailed, "etcdward: list: access denied by the store: AccessDenied: no (HTTP 403)\nTry: give these credentials the rights of a policy"},
		{fmt.Errorf("list: %w", storage.ErrKeys), exitFailed, "etcdward: list: access denied by the store: it does not know the key, or the secret is another one\nTry: the access key, or its secret, is wrong"},
		{fmt.Errorf("list: %w", errors.ErrUnsupported), exitFailed, "etcdward: list: unsupported operation\nTry: an S3 bucket with versioning"},
		{fmt.Errorf("claim: %w", catalog.ErrIdentity), exitFailed, "etcdward: claim: the store does not say whose backups it holds\nTry: compare cluster.json"},
		{fmt.Errorf("x: %w", snapshot.ErrDamaged), exitFindings, "etcdward: x: damaged\nTry: do not restore from it"},
	} {
		var said bytes.Buffer
		cli := &cli{stdio: stdio{err: &said}}
		if code := cli.conclude(context.Background(), test.err); code != test.code || !strings.HasPrefix(said.String(), test.says) {
			t.Errorf("exit %d, want %d; said\n%swant\n%s", code, test.code, said.String(), test.says)
		}
	}
}

// TestWrongKeys has a real server refuse keys that are wrong: no policy is to blame. A key that the server does not know and a wrong
// secret have different ways out.
func TestWrongKeys(t *testing.T) {
	stored := bucket.NewVersioned(t)
	s := newSite(t, new(cluster.Cluster), `cluster: {name: test, endpoints: ["http://127.0.0.1:1"]}`, stored.Stores(t))
	for name, test := range map[string]struct{ key, secret, try string }{
		"secret": {stored.Server.AccessKey, "wrong", "check the secret access key; "},
		"key":    {"NOBODY", stored.Server.SecretKey, "the access key, or its secret, is wrong: "},
	} {
		body, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		_, file, _ := strings.Cut(string(body), "credentials_file: ")
		file, _, _ = strings.Cut(file, "}")
		s.edit(t, file, bucket.Credentials(t, test.key, test.secret))
		if r := s.etcdward(t, "list"); r.code != exitFailed || !strings.Contains(r.err, storage.ErrKeys.Error()) || !strings.Contains(r.err, "Try: "+test.try) {
			t.Errorf("%s: exit %d %s", name, r.code, r.err)
		}
	}
}
