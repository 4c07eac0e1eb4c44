package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// store is where the demonstration's snapshots go.
type store struct {
	kind   string // directory or s3
	what   string // for people
	config string // of the store, as one line of YAML
	server *exec.Cmd
	said   bytes.Buffer
}

const (
	bucketName = "etcd-backups"
	accessKey  = "etcdward-demo" // opens a server that listens on loopback for a minute
)

// startStore makes the store ready.
func (d *demonstration) startStore(ctx context.Context) error {
	s := &d.store
	if s.kind == "directory" {
		s.what, s.config = d.storePath(), fmt.Sprintf("directory: {path: %s}", d.storePath())
		return nil
	}
	d.say("A store: an S3 server on this host.")
	binary, err := exec.LookPath("versitygw")
	if err != nil {
		return fmt.Errorf("--store s3: %w (in a clone: make tools, then PATH=$PWD/.tools:$PATH)", err)
	}
	addresses, err := freeAddresses(ctx, 1)
	if err != nil {
		return err
	}
	keys := filepath.Join(d.Dir, "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", accessKey, accessKey)
	if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
		return err
	}
	// To this server a folder is a bucket.
	if err := os.Mkdir(filepath.Join(d.storePath(), bucketName), 0o700); err != nil {
		return err
	}
	// The server does not end with ctx: stop ends it.
	s.server = exec.CommandContext(context.WithoutCancel(ctx), binary, "--port", addresses[0], "--access", accessKey, "--secret", accessKey, "--quiet", "posix", d.storePath())
	s.server.Stdout, s.server.Stderr = &s.said, &s.said
	if err := s.server.Start(); err != nil {
		return err
	}
	s.what = "s3://" + bucketName
	s.config = fmt.Sprintf("s3: {bucket: %s, region: us-east-1, endpoint: \"http://%s\", path_style: true, credentials_file: %s}", bucketName, addresses[0], keys)
	d.tell("versitygw at %s, bucket %s.", addresses[0], bucketName)
	return awaitListener(ctx, addresses[0])
}

// awaitListener waits until somebody listens.
func awaitListener(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", address, err)
		case <-tick.C:
		}
	}
}

// stop ends the server.
func (s *store) stop() error {
	if s.server == nil {
		return nil
	}
	if err := s.server.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	var killed *exec.ExitError
	if err := s.server.Wait(); err != nil && !errors.As(err, &killed) {
		return err
	}
	return nil
}
