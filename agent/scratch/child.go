package scratch

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/etcdward/etcdward/agent/child"
)

// membership runs a member, and reading runs one without peers. Each is a process of its own.
var (
	membership = child.Task{Name: "internal-etcd", Args: 1, Do: serve, Converses: true}
	reading    = child.Task{Name: "internal-etcd-read", Args: 1, Do: readMain}
)

// What the child writes to stdout, one line each. Any other line is an error.
const (
	sayReady = "ready"
	sayDone  = "done"
)

// ChildMain runs the member, or the reader of a data directory, if this process was started as one; otherwise it returns at once. main
// calls it first, and so does the TestMain of every package whose tests boot one.
func ChildMain() {
	membership.Main()
	reading.Main()
}

// serve runs the member until stdin ends, which happens at the latest when the parent ends.
func serve(args []string) error {
	var spec Spec
	if err := json.Unmarshal([]byte(args[0]), &spec); err != nil {
		return err
	}
	if err := spec.validate(); err != nil {
		return err
	}
	cfg, err := configure(spec)
	if err != nil {
		return err
	}
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer server.Close()
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	ended := make(chan error, 1)
	go func() {
		select {
		case <-server.Server.ReadyNotify():
			fmt.Println(sayReady)
		case <-server.Server.StopNotify():
			return
		}
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				ended <- nil
				return
			}
			if err := apply(server, line); err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Println(sayDone)
		}
	}()
	select {
	case err := <-server.Err():
		return err
	case err := <-ended:
		return err
	}
}

// configure turns the spec into etcd's own configuration.
func configure(spec Spec) (*embed.Config, error) {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = spec.Name, spec.DataDir
	cfg.InitialCluster, cfg.InitialClusterToken = spec.InitialCluster, spec.Token
	cfg.Logger, cfg.LogLevel, cfg.LogOutputs = "zap", "warn", []string{spec.LogFile}
	client, err := url.Parse(spec.ClientURL)
	if err != nil {
		return nil, err
	}
	peer, err := url.Parse(spec.PeerURL)
	if err != nil {
		return nil, err
	}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	return cfg, nil
}

// apply makes the changes of one line.
func apply(server *embed.Etcd, line []byte) error {
	var changes []Change
	if err := json.Unmarshal(line, &changes); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range changes {
		var err error
		if c.Delete {
			_, err = server.Server.DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte(c.Key)})
		} else {
			_, err = server.Server.Put(ctx, &pb.PutRequest{Key: []byte(c.Key), Value: c.Value})
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", c.Key, err)
		}
	}
	return nil
}
