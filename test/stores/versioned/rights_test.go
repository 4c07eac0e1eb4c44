package versioned

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/program"
)

// statement is one of a policy, as far as it is not passed on untouched.
type statement map[string]any

// allow makes the policies of packaging/iam that of the bucket: by user the files that hold for it.
func (s site) allow(t *testing.T, users map[string][]string) {
	t.Helper()
	var statements []statement
	for user, files := range users {
		for _, name := range files {
			body, err := os.ReadFile(filepath.Join("../../../packaging/iam", name))
			if err != nil {
				t.Fatal(err)
			}
			var policy struct{ Statement []statement }
			if err := json.Unmarshal(body, &policy); err != nil || len(policy.Statement) == 0 {
				t.Fatalf("%s: %d statements, error %v", name, len(policy.Statement), err)
			}
			for _, st := range policy.Statement {
				st["Principal"] = map[string]any{"AWS": []string{user}}
				statements = append(statements, st)
			}
		}
	}
	body, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket.Name), Policy: aws.String(string(body))})
	if err != nil {
		t.Fatalf("the server takes the policy %s not: %v", body, err)
	}
}

// as is the site of a host that has a user's credentials.
func (s site) as(t *testing.T, user string) site {
	t.Helper()
	with := s
	with.Server = s.Server.AddUser(t, user)
	with.State = t.TempDir()
	body, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(body), "credentials_file: ")
	if !ok {
		t.Fatalf("no credentials in %s", body)
	}
	_, after, _ := strings.Cut(rest, "}")
	with.Config = filepath.Join(t.TempDir(), "config.yaml")
	text := before + "credentials_file: " + bucket.Credentials(t, with.Server.AccessKey, with.Server.SecretKey) + "}" + after
	if err := os.WriteFile(with.Config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return with
}

// TestWriterAndPruner gives hosts the rights of packaging/iam and no others.
func TestWriterAndPruner(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	root := newSite(t, c, "retention: {keep_within: 0, keep_last: 1}", "log: {level: debug}")
	nobody, writer, pruner := root.as(t, "nobody"), root.as(t, "writer"), root.as(t, "pruner")
	root.allow(t, map[string][]string{"writer": {"s3-writer.json"}, "pruner": {"s3-pruner.json"}})

	if r := nobody.Run(t, "snapshot"); r.Code != program.Failed || !strings.Contains(r.Err, "access denied") {
		t.Errorf("without any right: exit %d %s", r.Code, r.Err)
	}

	taken := writer.take(t, c, 3)
	ids := make([]string, len(taken))
	for i, m := range taken {
		ids[i] = m.ID
		writer.mustProve(t, m)
	}
	writer.Must(t, "status")
	c.Members[0].Advance(t)
	r := writer.Run(t, "snapshot")
	if r.Code != 0 || strings.Contains(r.Err, "not swept") {
		t.Errorf("exit %d %s", r.Code, r.Err)
	}
	var all []snapshot.Manifest
	writer.MustJSON(t, &all, "list")
	writer.mustProve(t, all[len(all)-1]) // as the daily read-back does; the newest of proof level 4 would stay
	before := root.Versions(t)

	wantRefused(t, writer.Run(t, "prune", "--confirm"), ids)
	if after := root.Versions(t); !slices.Equal(slices.DeleteFunc(after, isProof), slices.DeleteFunc(before, isProof)) {
		t.Errorf("what the writer's prune left:\n%s\nwhat was there:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	for _, m := range taken {
		writer.mustProve(t, m) // listed and whole
	}

	r = pruner.Run(t, "prune", "--confirm")
	if r.Code != 0 || !strings.Contains(r.Out, "3 removed, 1 kept.") || strings.Contains(r.Err, "level=WARN") {
		t.Errorf("the pruner's prune: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	var kept []snapshot.Manifest
	root.MustJSON(t, &kept, "list")
	root.checkVersions(t, kept, nil)
	writer.take(t, c, 1) // and it goes on
}

// TestLockedWriter has a host lock what it writes, with the rights that packaging/iam has for it.
func TestLockedWriter(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	root := newSite(t, c, "retention: {keep_within: 0, keep_last: 1}")
	root.Rewrite(t, "path_style: true", "path_style: true, lock: governance, lock_days: 1")
	writer, locked, pruner := root.as(t, "writer"), root.as(t, "locked"), root.as(t, "pruner")
	root.allow(t, map[string][]string{"writer": {"s3-writer.json"}, "locked": {"s3-writer.json", "s3-locked-writer.json"}, "pruner": {"s3-pruner.json"}})

	// The right to write is not the right to lock.
	if r := writer.Run(t, "snapshot"); r.Code != program.Failed || !strings.Contains(r.Err, "access denied") {
		t.Errorf("a lock without the right to it: exit %d %s", r.Code, r.Err)
	}
	taken := locked.take(t, c, 2)
	for _, m := range taken {
		locked.mustProve(t, m)
	}
	r := pruner.Run(t, "prune", "--confirm")
	if r.Code != program.Findings || !strings.Contains(r.Out, "locked by the store") {
		t.Errorf("prune of what is locked: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	for _, m := range taken {
		locked.mustProve(t, m)
	}
}

func isProof(version string) bool { return strings.HasPrefix(version, "v1/test/proofs/") }

// mustProve walks through all that reads a snapshot, and holds that a proof of it is stored.
func (s site) mustProve(t *testing.T, m snapshot.Manifest) {
	t.Helper()
	if out := s.Must(t, "list"); !strings.Contains(out, m.ID) {
		t.Errorf("%s is not listed:\n%s", m.ID, out)
	}
	var v verify.Verification
	s.MustJSON(t, &v, "verify", m.ID)
	if !v.OK {
		t.Errorf("verify %s: %+v", m.ID, v)
	}
	s.Must(t, "fetch", m.ID, "--output", filepath.Join(t.TempDir(), "fetched.db"))
	var shown struct{ Proofs []any }
	s.MustJSON(t, &shown, "show", m.ID)
	if len(shown.Proofs) == 0 {
		t.Errorf("show %s names no proof of the read-back", m.ID)
	}
}

// wantRefused holds that a prune ended with findings, and names what it may not remove, and why.
func wantRefused(t *testing.T, r program.Result, ids []string) {
	t.Helper()
	if r.Code != program.Findings || !strings.Contains(r.Err, "refused to let 3 snapshots go: access denied by the store\nTry: give these credentials") {
		t.Errorf("prune: exit %d %s", r.Code, r.Err)
	}
	for _, id := range ids {
		line := ""
		for row := range strings.Lines(r.Out) {
			if strings.HasPrefix(row, id) {
				line = row
			}
		}
		if !strings.Contains(line, "skipped") || !strings.Contains(line, "it takes the right s3:DeleteObjectVersion") {
			t.Errorf("prune does not say what it lacks for %s: %q", id, line)
		}
	}
}
