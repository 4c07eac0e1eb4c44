package main

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
	"github.com/etcdward/etcdward/test/cluster"
)

// statement is one of a policy, as far as it is not passed on untouched.
type statement map[string]any

// allow makes the policies of packaging/iam that of the bucket: by user the files that hold for it.
func (s s3Site) allow(t *testing.T, users map[string][]string) {
	t.Helper()
	var statements []statement
	for user, files := range users {
		for _, name := range files {
			body, err := os.ReadFile(filepath.Join("../../packaging/iam", name))
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
	_, err = s.client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucketName), Policy: aws.String(string(body))})
	if err != nil {
		t.Fatalf("the server takes the policy %s not: %v", body, err)
	}
}

// as is the site of a host that has a user's credentials.
func (s s3Site) as(t *testing.T, user string) s3Site {
	t.Helper()
	with := s
	with.server = s.server.AddUser(t, user)
	with.state = t.TempDir()
	body, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(body), "credentials_file: ")
	if !ok {
		t.Fatalf("no credentials in %s", body)
	}
	_, after, _ := strings.Cut(rest, "}")
	with.config = filepath.Join(t.TempDir(), "config.yaml")
	text := before + "credentials_file: " + credentialsFile(t, with.server.AccessKey, with.server.SecretKey) + "}" + after
	if err := os.WriteFile(with.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return with
}

// TestWriterAndPruner gives hosts the rights of packaging/iam and no others.
func TestWriterAndPruner(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	root := newS3Site(t, c, "retention: {keep_within: 0, keep_last: 1}", "log: {level: debug}")
	nobody, writer, pruner := root.as(t, "nobody"), root.as(t, "writer"), root.as(t, "pruner")
	root.allow(t, map[string][]string{"writer": {"s3-writer.json"}, "pruner": {"s3-pruner.json"}})

	if r := nobody.etcdward(t, "snapshot"); r.code != exitFailed || !strings.Contains(r.err, "access denied") {
		t.Errorf("without any right: exit %d %s", r.code, r.err)
	}

	taken := writer.take(t, c, 3)
	ids := make([]string, len(taken))
	for i, m := range taken {
		ids[i] = m.ID
		writer.mustProve(t, m)
	}
	writer.must(t, "status")
	advance(t, c, c.Members[0])
	r := writer.etcdward(t, "snapshot")
	if r.code != exitOK || strings.Contains(r.err, "not swept") {
		t.Errorf("exit %d %s", r.code, r.err)
	}
	before := root.versions(t)

	wantRefused(t, writer.etcdward(t, "prune", "--confirm"), ids)
	if after := root.versions(t); !slices.Equal(slices.DeleteFunc(after, isProof), slices.DeleteFunc(before, isProof)) {
		t.Errorf("what the writer's prune left:\n%s\nwhat was there:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	for _, m := range taken {
		writer.mustProve(t, m) // listed and whole
	}

	r = pruner.etcdward(t, "prune", "--confirm")
	if r.code != exitOK || !strings.Contains(r.out, "3 removed, 1 kept.") || strings.Contains(r.err, "level=WARN") {
		t.Errorf("the pruner's prune: exit %d\n%s%s", r.code, r.out, r.err)
	}
	var kept []snapshot.Manifest
	root.mustJSON(t, &kept, "list")
	root.checkVersions(t, kept, nil)
	writer.take(t, c, 1) // and it goes on
}

// TestLockedWriter has a host lock what it writes, with the rights that packaging/iam has for it.
func TestLockedWriter(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	root := newS3Site(t, c, "retention: {keep_within: 0, keep_last: 1}")
	root.edit(t, "path_style: true", "path_style: true, lock: governance, lock_days: 1")
	writer, locked, pruner := root.as(t, "writer"), root.as(t, "locked"), root.as(t, "pruner")
	root.allow(t, map[string][]string{"writer": {"s3-writer.json"}, "locked": {"s3-writer.json", "s3-locked-writer.json"}, "pruner": {"s3-pruner.json"}})

	// The right to write is not the right to lock.
	if r := writer.etcdward(t, "snapshot"); r.code != exitFailed || !strings.Contains(r.err, "access denied") {
		t.Errorf("a lock without the right to it: exit %d %s", r.code, r.err)
	}
	taken := locked.take(t, c, 2)
	for _, m := range taken {
		locked.mustProve(t, m)
	}
	r := pruner.etcdward(t, "prune", "--confirm")
	if r.code != exitFindings || !strings.Contains(r.out, "locked by the store") {
		t.Errorf("prune of what is locked: exit %d\n%s%s", r.code, r.out, r.err)
	}
	for _, m := range taken {
		locked.mustProve(t, m)
	}
}

func isProof(version string) bool { return strings.HasPrefix(version, "v1/test/proofs/") }

// mustProve walks through all that reads a snapshot, and holds that a proof of it is stored.
func (s s3Site) mustProve(t *testing.T, m snapshot.Manifest) {
	t.Helper()
	if out := s.must(t, "list"); !strings.Contains(out, m.ID) {
		t.Errorf("%s is not listed:\n%s", m.ID, out)
	}
	var v verify.Verification
	s.mustJSON(t, &v, "verify", m.ID)
	if !v.OK {
		t.Errorf("verify %s: %+v", m.ID, v)
	}
	s.must(t, "fetch", m.ID, "--output", filepath.Join(t.TempDir(), "fetched.db"))
	var shown struct{ Proofs []proofRow }
	s.mustJSON(t, &shown, "show", m.ID)
	if len(shown.Proofs) == 0 {
		t.Errorf("show %s names no proof of the read-back", m.ID)
	}
}

// wantRefused holds that a prune ended with findings, and names what it may not remove, and why.
func wantRefused(t *testing.T, r result, ids []string) {
	t.Helper()
	if r.code != exitFindings || !strings.Contains(r.err, "refused to let 3 snapshots go: access denied by the store\nTry: give these credentials") {
		t.Errorf("prune: exit %d %s", r.code, r.err)
	}
	for _, id := range ids {
		line := ""
		for row := range strings.Lines(r.out) {
			if strings.HasPrefix(row, id) {
				line = row
			}
		}
		if !strings.Contains(line, "skipped") || !strings.Contains(line, "it takes the right s3:DeleteObjectVersion") {
			t.Errorf("prune does not say what it lacks for %s: %q", id, line)
		}
	}
}
