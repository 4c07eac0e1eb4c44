package restore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// locked says whether a process has the database of a data directory open: bbolt holds its lock for as long. It sees
// through containers, whose files are the host's.
func locked(dataDir string) (bool, error) {
	file, err := os.Open(filepath.Join(dataDir, "member", "snap", "db"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether etcd runs: %w", err)
	}
	defer file.Close() // and with it the lock
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether etcd runs: lock %s: %w", file.Name(), err)
	}
	return false, nil
}

// probeTime bounds one question to a port.
const probeTime = 2 * time.Second

// answers says whether a server is behind a URL. A connection that closes without a word is none: that is a proxy whose
// server is gone, or one that is ending.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return false
		}
	}
	if u.Scheme == "https" {
		// Whose certificate it is does not matter: whoever speaks TLS there is in the way.
		err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) //nolint:gosec // nothing is sent
		return err == nil || !isSilence(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /version HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", u.Host); err != nil {
		return false
	}
	n, err := io.ReadFull(conn, make([]byte, 1))
	return n == 1 || !isSilence(err)
}

// isSilence says whether an error is that of a peer that went away, and said nothing.
func isSilence(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// healthy asks for a page of etcd's metrics listener; nil: it said 200.
func healthy(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/health", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s", address, response.Status)
	}
	return nil
}

// elsewhere is the address of a member, if it is known to be none of this host's; "" if it is one, or cannot be told.
func (m Member) elsewhere(ctx context.Context) string {
	ours, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	foreign := ""
	for _, text := range m.PeerURLs {
		u, err := url.Parse(text)
		if err != nil {
			return ""
		}
		ips, err := net.DefaultResolver.LookupIP(ctx, "ip", u.Hostname())
		if err != nil {
			return ""
		}
		for _, ip := range ips {
			if ip.IsLoopback() || slices.ContainsFunc(ours, func(a net.Addr) bool { n, ok := a.(*net.IPNet); return ok && n.IP.Equal(ip) }) {
				return ""
			}
		}
		foreign = u.Hostname()
	}
	return foreign
}
