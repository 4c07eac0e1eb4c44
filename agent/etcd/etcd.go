// Package etcd is the agent's view of a cluster: who its members are, how they fare, which of them is to serve a
// snapshot, and the stream itself. It is the only importer of etcd's client, and knows no files of
// snapshots and no store.
//
// Its one invariant: every call has a deadline, and goes to the very member it names. What answers under a
// member's URL must show that member's id.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// Options say how a cluster is reached.
type Options struct {
	// Endpoints are seeds, URLs: one that answers is enough, the other members are found through it.
	Endpoints []string
	// CAFile, CertFile, KeyFile are PEM files. They are read anew for every connection. CAFile "":
	// the host's own; CertFile "": no client certificate.
	CAFile, CertFile, KeyFile string
	// Username and PasswordFile, when etcd's own authentication is on.
	Username, PasswordFile string
	// CallTimeout bounds each call but the stream of a snapshot. 0: 5 s.
	CallTimeout time.Duration
}

// defaultCallTimeout is long enough for a member under load and short enough for a status page.
const defaultCallTimeout = 5 * time.Second

// Cluster is a set of connections, one to each endpoint in use. It is safe for concurrent use.
type Cluster struct {
	options  Options
	password string

	mu    sync.Mutex
	conns map[string]*clientv3.Client
}

// New prepares the connections; none is made before the first call. The error means that the options
// cannot work: a file that is missing or unreadable.
func New(o Options) (*Cluster, error) {
	if o.CallTimeout == 0 {
		o.CallTimeout = defaultCallTimeout
	}
	c := &Cluster{options: o, conns: map[string]*clientv3.Client{}}
	if o.PasswordFile != "" {
		text, err := os.ReadFile(o.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("etcd: password_file: %w", err)
		}
		c.password = strings.TrimSpace(string(text))
	}
	if o.CAFile != "" || o.CertFile != "" {
		if _, err := c.files().load(); err != nil {
			return nil, fmt.Errorf("etcd: %w", err)
		}
	}
	return c, nil
}

// Close ends all connections.
func (c *Cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs error
	for _, client := range c.conns {
		if err := client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			errs = errors.Join(errs, err)
		}
	}
	clear(c.conns)
	return errs
}

// client gives the connection to one endpoint.
func (c *Cluster) client(endpoint string) (*clientv3.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.conns[endpoint]; ok {
		return client, nil
	}
	cfg := clientv3.Config{
		Endpoints:            []string{endpoint},
		DialTimeout:          c.options.CallTimeout,
		DialKeepAliveTime:    30 * time.Second,
		DialKeepAliveTimeout: 10 * time.Second,
		Username:             c.options.Username,
		Password:             c.password,
		Logger:               zap.NewNop(),
		// By default gRPC goes through HTTPS_PROXY, which is for the stores.
		DialOptions: []grpc.DialOption{grpc.WithNoProxy()},
	}
	if strings.HasPrefix(endpoint, "https://") {
		// Given as a dial option it replaces the client's own, which reads the files once.
		cfg.DialOptions = append(cfg.DialOptions, grpc.WithTransportCredentials(c.files()))
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", endpoint, err)
	}
	c.conns[endpoint] = client
	return client, nil
}

func (c *Cluster) files() *fileCredentials {
	return &fileCredentials{caFile: c.options.CAFile, certFile: c.options.CertFile, keyFile: c.options.KeyFile}
}

// call runs one call to one endpoint under the usual deadline. Its error names the endpoint and, when the connection is
// the trouble, why it could not be made.
func (c *Cluster) call(ctx context.Context, endpoint, what string, do func(context.Context, *grpc.ClientConn) error) error {
	return c.callFor(ctx, c.options.CallTimeout, endpoint, what, do)
}

// callFor is call under another deadline.
func (c *Cluster) callFor(ctx context.Context, timeout time.Duration, endpoint, what string, do func(context.Context, *grpc.ClientConn) error) error {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := c.client(endpoint)
	if err != nil {
		return err
	}
	conn := client.ActiveConnection()
	if conn.GetState() == connectivity.TransientFailure {
		// Try now, not when an earlier failure's pause is over.
		conn.ResetConnectBackoff()
		wait, stop := context.WithTimeout(ctx, time.Second)
		conn.WaitForStateChange(wait, connectivity.TransientFailure)
		stop()
	}
	if err := do(ctx, conn); err != nil {
		if outer.Err() != nil {
			// It was cut, which says nothing of the member.
			return fmt.Errorf("%s %s: %w", what, endpoint, context.Cause(outer))
		}
		return fmt.Errorf("%s %s: %w", what, endpoint, plain(err))
	}
	return nil
}

// maintenance calls one Maintenance RPC.
func maintenance[Req, Resp any](rpc func(pb.MaintenanceClient, context.Context, Req, ...grpc.CallOption) (Resp, error), req Req, resp *Resp) func(context.Context, *grpc.ClientConn) error {
	return func(ctx context.Context, conn *grpc.ClientConn) (err error) {
		*resp, err = rpc(pb.NewMaintenanceClient(conn), ctx, req)
		return err
	}
}
