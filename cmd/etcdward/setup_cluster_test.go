package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/cluster"
)

// kubeadmHost is a host with the first member of a cluster, as kubeadm would have set it up.
func kubeadmHost(t *testing.T, c *cluster.Cluster) hostRoot {
	t.Helper()
	h := layout(t, "kubeadm-1.34")
	const pod = "etc/kubernetes/manifests/etcd.yaml"
	text := strings.Replace(h.read(t, pod), "--listen-client-urls=https://127.0.0.1:2379,https://192.168.1.10:2379", "--listen-client-urls="+c.Members[0].ClientURL, 1)
	h.write(t, pod, text)
	for from, to := range map[string]string{c.CAFile: "ca.crt", c.CertFile: "healthcheck-client.crt", c.KeyFile: "healthcheck-client.key"} {
		h.write(t, "etc/kubernetes/pki/etcd/"+to, read(t, from))
	}
	return h
}

// s3Server is an S3 server with a bucket in which one user may do what is given, and the file with that user's keys.
func s3Server(t *testing.T, h hostRoot, actions string) (client *s3.Client, flags []string, secret string) {
	t.Helper()
	server := storagetest.VersityGW(t)
	client = s3.New(s3.Options{Region: server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucketName)}); err != nil {
		t.Fatal(err)
	}
	user := server.AddUser(t, "c4n4ry")
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":[%s],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%[3]s/*"]}]}`,
		user.AccessKey, actions, bucketName)
	if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucketName), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	h.write(t, "root/s3", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", user.AccessKey, user.SecretKey))
	return client, []string{"--store-s3", bucketName, "--s3-endpoint", server.Endpoint, "--s3-region", server.Region, "--s3-path-style", "--s3-credentials-file", "/root/s3"}, user.SecretKey
}

func keysOf(t *testing.T, client *s3.Client) []string {
	t.Helper()
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucketName)})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range list.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

const writer = `"s3:ListBucket","s3:ListBucketVersions","s3:GetBucketVersioning","s3:PutObject","s3:GetObject","s3:GetObjectVersion"`

// TestSetupOnRealCluster sets a host up for a real cluster, a real S3 server and a directory, and takes a snapshot with what it wrote.
func TestSetupOnRealCluster(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	h := kubeadmHost(t, c)
	backups := filepath.Join(h.root, "mnt/backups")
	if err := os.MkdirAll(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	client, toStore, secret := s3Server(t, h, `"s3:*"`)
	args := append([]string{"--yes", "--name", "prod", "--store-directory", "/mnt/backups"}, toStore...)
	r := h.must(t, args...)
	for _, want := range []string{"ok      cluster: 3 of 3 members answer, leader m", "ok      store primary: written, read and removed", "ok      store second: written, read and removed"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the output lacks %q:\n%s", want, r.out)
		}
	}
	noSecrets(t, h, r, secret)
	if keys := keysOf(t, client); len(keys) != 0 {
		t.Errorf("it left %v", keys)
	}
	before := h.state(t)
	if again := h.must(t, args...); !strings.Contains(again.out, "Nothing differs") || strings.Contains(again.out, "cluster: ") {
		t.Errorf("again: %s", again.out)
	}
	h.unchanged(t, before)

	// What systemd does with the drop-in, and where the mount would be.
	handed := t.TempDir()
	for name, path := range map[string]string{"etcd-ca": c.CAFile, "etcd-cert": c.CertFile, "etcd-key": c.KeyFile, "s3-primary": filepath.Join(h.root, "root/s3")} {
		if err := os.WriteFile(filepath.Join(handed, name), []byte(read(t, path)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", handed)
	h.write(t, hostConfig, strings.Replace(h.read(t, hostConfig), "/mnt/backups", backups, 1))
	m := site{config: filepath.Join(h.root, hostConfig), state: t.TempDir()}.snapshot(t)
	if keys := keysOf(t, client); !slices.Contains(keys, m.Object.Key) {
		t.Errorf("the bucket has %v", keys)
	}

	// The home is taken now: another cluster is held back, before anything is written.
	other := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	o := kubeadmHost(t, other)
	o.write(t, "root/s3", h.read(t, "root/s3"))
	before, keys := o.state(t), keysOf(t, client)
	r = o.setup(t, append([]string{"--yes", "--name", "prod"}, toStore...)...)
	if r.code != exitFailed || !strings.Contains(r.err, "are of another etcd cluster") || !strings.Contains(r.err, "Try: give this cluster another --name") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	o.unchanged(t, before)
	if !slices.Equal(keys, keysOf(t, client)) {
		t.Error("something was written into the home of another cluster")
	}
}

// noSecrets holds that nothing of a secret was said or written into what all may read.
func noSecrets(t *testing.T, h hostRoot, r result, secrets ...string) {
	t.Helper()
	key := strings.Split(h.read(t, "etc/kubernetes/pki/etcd/healthcheck-client.key"), "\n")[1]
	all := r.out + r.err + h.read(t, hostConfig) + h.read(t, serviceDropIn)
	for _, secret := range append(secrets, key) {
		if strings.Contains(all, secret) {
			t.Errorf("a secret was shown:\n%s", all)
		}
	}
}

// TestSetupWithoutDelete holds that a host which may not remove what it writes is set up, and that the rest is named.
func TestSetupWithoutDelete(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := kubeadmHost(t, c)
	client, toStore, _ := s3Server(t, h, writer)
	r := h.must(t, append([]string{"--yes", "--name", "prod", "-o", "json"}, toStore...)...)
	var o setupReport
	if err := json.Unmarshal([]byte(r.out), &o); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	keys := keysOf(t, client)
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "v1/prod/canary/20") {
		t.Fatalf("the bucket has %v", keys)
	}
	if len(o.Checks) != 2 || !o.Checks[1].OK || !strings.Contains(o.Checks[1].Detail, keys[0]+" stays") || len(o.Members) != 1 || o.Members[0].Role != "leader" || !o.Written || o.Started {
		t.Errorf("got %+v", o)
	}
	noSecrets(t, h, r)
}

// TestSetupDenied holds that the way out of a store that refuses the user is shown.
func TestSetupDenied(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := kubeadmHost(t, c)
	_, toStore, _ := s3Server(t, h, `"s3:GetObject"`)
	r := h.setup(t, append([]string{"--yes", "--name", "prod"}, toStore...)...)
	if r.code != exitFailed || !strings.Contains(r.out, "FAILED  store primary") || !strings.Contains(r.err, "access denied") || !strings.Contains(r.err, "nothing was written") ||
		!strings.Contains(r.err, "/usr/share/etcdward/iam") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}
