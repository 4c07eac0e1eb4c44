// Package probe finds out whether a program is at work on a host: on a data directory, or at an address. It knows no plan, and
// changes nothing.
//
// Its one invariant: no question waits longer than its limit.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// probeTime bounds one question to a port.
const probeTime = 2 * time.Second

// Answers reports whether a server is behind a URL. A connection that closes without a word does not count: it is a proxy
// whose server is gone, or a server that is ending.
func Answers(ctx context.Context, address string) bool {
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
		// The certificate does not matter: any server that speaks TLS there is in the way.
		err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) //nolint:gosec // nothing is sent
		return err == nil || !isSilence(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /version HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", u.Host); err != nil {
		return false
	}
	n, err := io.ReadFull(conn, make([]byte, 1))
	return n == 1 || !isSilence(err)
}

// isSilence reports whether the peer went away without a word.
func isSilence(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// Healthy asks for a page of etcd's metrics listener; nil: it said 200.
func Healthy(ctx context.Context, address string) error {
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
