package storagetest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/port"
)

// Server is an object store that runs for one test.
type Server struct {
	// Endpoint is its URL.
	Endpoint string
	// Region, AccessKey and SecretKey are for S3 alone.
	Region    string
	AccessKey string
	SecretKey string
}

// VersityGW starts an S3 server that can keep versions, and stops it when the test
// ends.
func VersityGW(t *testing.T) Server {
	t.Helper()
	objects, versions, users := t.TempDir(), t.TempDir(), t.TempDir()
	server := Server{Region: "us-east-1", AccessKey: "test-access", SecretKey: "test-secret"}
	address := start(t, "versitygw", func(host, port string) []string {
		return []string{
			"--port", net.JoinHostPort(host, port), "--access", server.AccessKey, "--secret", server.SecretKey,
			"--region", server.Region, "--quiet", "--keep-alive", "--iam-dir", users, "posix", "--versioning-dir", versions, objects,
		}
	})
	server.Endpoint = "http://" + address
	return server
}

// Rclone starts an S3 server that is no more than a view of a folder: it ignores If-None-Match and keeps no versions. The test has one
// bucket in it, "bucket".
func Rclone(t *testing.T) Server {
	t.Helper()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "bucket"), 0o700); err != nil {
		t.Fatal(err)
	}
	server := Server{Region: "us-east-1", AccessKey: "test-access", SecretKey: "test-secret"}
	address := start(t, "rclone", func(host, port string) []string {
		return []string{"serve", "s3", "--config", "/dev/null", "--addr", net.JoinHostPort(host, port), "--auth-key", server.AccessKey + "," + server.SecretKey,
			"--vfs-cache-mode", "off", folder}
	})
	server.Endpoint = "http://" + address
	return server
}

// MinIO starts a MinIO server, and stops it when the test ends. make tools builds it, in some eight minutes: without it the test is skipped,
// loudly.
func MinIO(t *testing.T) Server {
	t.Helper()
	if _, err := os.Stat(toolPath(t, "minio")); err != nil {
		t.Skip("SKIPPED: no MinIO: make tools builds it")
	}
	server := Server{Region: "us-east-1", AccessKey: "test-access", SecretKey: "test-secret"}
	folder := t.TempDir()
	root := []string{"MINIO_ROOT_USER=" + server.AccessKey, "MINIO_ROOT_PASSWORD=" + server.SecretKey}
	address := startWith(t, root, "minio", func(host, port string) []string {
		return []string{"server", "--quiet", "--address", net.JoinHostPort(host, port), "--console-address", host + ":0", folder}
	})
	server.Endpoint = "http://" + address
	ready(t, server.Endpoint+"/minio/health/cluster")
	return server
}

// ready waits until a page is there.
func ready(t *testing.T, page string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for time.Now().Before(deadline) {
		<-poll.C
		answer, err := client.Get(page)
		if err != nil {
			continue
		}
		if err := answer.Body.Close(); err == nil && answer.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s does not become ready", page)
}

// AddUser makes a user of a VersityGW who may do nothing but what the policy of a bucket allows, and returns
// the server as that user sees it.
func (s Server) AddUser(t *testing.T, name string) Server {
	t.Helper()
	user := s
	user.AccessKey, user.SecretKey = name, name+"-secret"
	cmd := exec.Command(tool(t, "versitygw"), "admin", "--access", s.AccessKey, "--secret", s.SecretKey, "--region", s.Region,
		"--endpoint-url", s.Endpoint, "create-user", "--access", user.AccessKey, "--secret", user.SecretKey, "--role", "user")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("create user %s: %v: %s", name, err, output)
	}
	return user
}

// FakeGCS starts a server that speaks as Google Cloud Storage does, and stops it
// when the test ends. It keeps generations.
func FakeGCS(t *testing.T) Server {
	t.Helper()
	address := start(t, "fake-gcs-server", func(host, port string) []string {
		return []string{
			"-backend", "memory", "-scheme", "http", "-host", host, "-port", port, "-log-level", "error",
			"-external-url", "http://" + net.JoinHostPort(host, port), "-public-host", net.JoinHostPort(host, port),
		}
	})
	return Server{Endpoint: "http://" + address}
}

// start runs a program of .tools until the test ends, and returns the address
// it listens on.
func start(t *testing.T, name string, arguments func(host, port string) []string) string {
	t.Helper()
	return startWith(t, nil, name, arguments)
}

// startWith is start with more in the environment of the program.
func startWith(t *testing.T, environment []string, name string, arguments func(host, port string) []string) string {
	t.Helper()
	binary := tool(t, name)
	address := port.Free(t, "127.0.0.1")
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	cmd := exec.Command(binary, arguments(host, number)...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = append(os.Environ(), environment...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("%s said: %s", name, output.Bytes())
		}
	})
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("%s ended: %v: %s", name, err, output.Bytes())
		case <-deadline:
			t.Fatalf("%s does not listen on %s", name, address)
		case <-poll.C:
			if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
				_ = conn.Close()
				return address
			}
		}
	}
}

// tool returns the path of a program of .tools. Without it, and the word of CI=true
// that it must be there, the test is skipped.
func tool(t *testing.T, name string) string {
	t.Helper()
	binary := toolPath(t, name)
	if _, err := os.Stat(binary); err != nil {
		message := fmt.Sprintf("%s is missing, and with it this test: run make tools", binary)
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip("SKIPPED: " + message)
	}
	return binary
}

// toolPath is where a program of .tools is, or would be.
func toolPath(t *testing.T, name string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the working directory")
		}
		root = filepath.Dir(root)
	}
	return filepath.Join(root, ".tools", name)
}
