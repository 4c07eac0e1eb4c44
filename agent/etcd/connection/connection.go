// Package connection calls the members of an etcd cluster under their URLs. It is the only importer of etcd's client.
//
// It does not know who the members are: its callers pass their URLs.
//
// Its one invariant: every call has a deadline and goes to the URL that it names, and its error is a sentence.
package connection

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// Options say how a cluster is reached.
type Options struct {
	// Endpoints are the URLs of the seeds. One that answers is enough, since it names the other members.
	Endpoints []string
	// CAFile, CertFile and KeyFile are PEM files, which are read again for every connection. If CAFile is ""
	// the host's own CAs are trusted; if CertFile is "" there is no client certificate.
	CAFile, CertFile, KeyFile string
	// Username and PasswordFile are for clusters with etcd's own authentication.
	Username, PasswordFile string
	// CallTimeout limits each call except the stream of a snapshot. 0 means 5 s.
	CallTimeout time.Duration
}

// defaultCallTimeout is long enough for a member under load, and short enough for somebody who waits for the
// status.
const defaultCallTimeout = 5 * time.Second

// Pool is a set of connections, one to each endpoint in use. It is safe for concurrent use.
type Pool struct {
	options  Options
	password string

	mu    sync.Mutex
	conns map[string]*clientv3.Client
}

// New prepares the connections, and makes none before the first call. An error means that the options cannot
// work because a file is missing or unreadable.
func New(o Options) (*Pool, error) {
	if o.CallTimeout == 0 {
		o.CallTimeout = defaultCallTimeout
	}
	p := &Pool{options: o, conns: map[string]*clientv3.Client{}}
	if o.PasswordFile != "" {
		text, err := os.ReadFile(o.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("etcd: password_file: %w", err)
		}
		p.password = strings.TrimSpace(string(text))
	}
	if o.CAFile != "" || o.CertFile != "" {
		if _, err := p.files().load(); err != nil {
			return nil, fmt.Errorf("etcd: %w", err)
		}
	}
	return p, nil
}

// Close ends all connections.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs error
	for _, client := range p.conns {
		if err := client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			errs = errors.Join(errs, err)
		}
	}
	clear(p.conns)
	return errs
}

// client returns the connection to one endpoint.
func (p *Pool) client(endpoint string) (*clientv3.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if client, ok := p.conns[endpoint]; ok {
		return client, nil
	}
	cfg := clientv3.Config{
		Endpoints:            []string{endpoint},
		DialTimeout:          p.options.CallTimeout,
		DialKeepAliveTime:    30 * time.Second,
		DialKeepAliveTimeout: 10 * time.Second,
		Username:             p.options.Username,
		Password:             p.password,
		Logger:               zap.NewNop(),
		// By default gRPC goes through HTTPS_PROXY, which is for the stores.
		DialOptions: []grpc.DialOption{grpc.WithNoProxy()},
	}
	if strings.HasPrefix(endpoint, "https://") {
		// As a dial option this replaces the credentials of etcd's client, which would read the files only
		// once.
		cfg.DialOptions = append(cfg.DialOptions, grpc.WithTransportCredentials(p.files()))
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", endpoint, err)
	}
	p.conns[endpoint] = client
	return client, nil
}

// Conn returns the connection to one endpoint, for streams.
func (p *Pool) Conn(endpoint string) (*grpc.ClientConn, error) {
	client, err := p.client(endpoint)
	if err != nil {
		return nil, err
	}
	return client.ActiveConnection(), nil
}

// TLS returns the certificate that a new connection shows and the CAs that it trusts now.
func (p *Pool) TLS() (*tls.Config, error) { return p.files().load() }

// CallTimeout is the usual deadline of a call.
func (p *Pool) CallTimeout() time.Duration { return p.options.CallTimeout }

// RequireLeader makes a member that is cut off from the quorum end a stream, instead of sending nothing.
func RequireLeader(ctx context.Context) context.Context { return clientv3.WithRequireLeader(ctx) }

func (p *Pool) files() *fileCredentials {
	return &fileCredentials{caFile: p.options.CAFile, certFile: p.options.CertFile, keyFile: p.options.KeyFile}
}

// Call runs one call to one endpoint under the usual deadline. Its error names the endpoint and, if the connection
// failed, the reason.
func (p *Pool) Call(ctx context.Context, endpoint, what string, do func(context.Context, *grpc.ClientConn) error) error {
	return p.CallFor(ctx, p.options.CallTimeout, endpoint, what, do)
}

// CallFor does what Call does, under another deadline.
func (p *Pool) CallFor(ctx context.Context, timeout time.Duration, endpoint, what string, do func(context.Context, *grpc.ClientConn) error) error {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := p.client(endpoint)
	if err != nil {
		return err
	}
	conn := client.ActiveConnection()
	if conn.GetState() == connectivity.TransientFailure {
		// Connect now, without waiting for the pause after an earlier failure.
		conn.ResetConnectBackoff()
		wait, stop := context.WithTimeout(ctx, time.Second)
		conn.WaitForStateChange(wait, connectivity.TransientFailure)
		stop()
	}
	if err := do(ctx, conn); err != nil {
		if outer.Err() != nil {
			// The caller ended the call, which says nothing about the member.
			return fmt.Errorf("%s %s: %w", what, endpoint, context.Cause(outer))
		}
		return fmt.Errorf("%s %s: %w", what, endpoint, Plain(err))
	}
	return nil
}
