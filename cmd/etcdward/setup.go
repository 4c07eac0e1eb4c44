package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/fault"
)

// setupRequest is what the flags of setup say, and the answers on a terminal.
type setupRequest struct {
	name string

	// Where etcd is: found, but for what is given here.
	endpoints                 []string
	caFile, certFile, keyFile string

	s3         config.S3
	s3Keys     string // file with the credentials
	gcs        config.GCS
	gcsKeys    string
	directory  string
	recipients []string
	// credentials are NAME=PATH, for the names in the configuration that setup does not know.
	credentials []string

	root                          string
	yes, dryRun, noStart, noCheck bool
}

func setupCommand(inv *invocation) *cobra.Command {
	r := setupRequest{}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set this host up: find its etcd, write the configuration, try it, start the agent",
		Long: "Finds the etcd of this host as kubeadm, RKE2, k3s, kubespray or Debian set it up; writes the configuration, a drop-in that hands\n" +
			"the secrets to the agent, one that watches the certificates, and one that takes them up only where none is missing; shows each\n" +
			"change as a diff. Before anything is written, the cluster is asked for its members, and a small object is written to each\n" +
			"store, read, and removed where that is allowed. Then the agent is enabled and started. The unit reads\n" +
			"/etc/etcdward/config.yaml: another --config is written alone, and only with --no-start.\n\n" +
			"On a terminal it asks for what no flag says. Without one it needs --yes, --name and a store. Run again it changes only what\n" +
			"differs: it adds and changes what flags name, and removes nothing.\n\n" +
			"Exit codes: 0 set up, or nothing differs; 1 there is no etcd to look after on this host, something that was tried does not\n" +
			"work, a file is missing or not for the agent to read, or the agent does not start; 64 flags are missing; 78 the configuration that is there cannot be used.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.setup(cmd.Context(), r) },
	}
	f := cmd.Flags()
	f.StringVar(&r.name, "name", "", "name of the `cluster`, the same on all its hosts: the backups' home in every store")
	f.StringVar(&r.s3.Bucket, "store-s3", "", "keep backups in this S3 `bucket`")
	f.StringVar(&r.s3.Region, "s3-region", "", "its region")
	f.StringVar(&r.s3.Endpoint, "s3-endpoint", "", "`URL` of a server other than Amazon's")
	f.BoolVar(&r.s3.PathStyle, "s3-path-style", false, "bucket in the path, not in the host name")
	f.StringVar(&r.s3.Prefix, "s3-prefix", "", "a `folder` inside the bucket")
	f.StringVar(&r.s3Keys, "s3-credentials-file", "", "`file` with the keys, in the format of ~/.aws/credentials (default: what the host offers)")
	f.StringVar(&r.gcs.Bucket, "store-gcs", "", "keep backups in this `bucket` of Google Cloud Storage")
	f.StringVar(&r.gcs.Endpoint, "gcs-endpoint", "", "`URL` of a server other than Google's")
	f.StringVar(&r.gcs.Prefix, "gcs-prefix", "", "a `folder` inside the bucket")
	f.StringVar(&r.gcsKeys, "gcs-credentials-file", "", "`file` with the key of a service account (default: what the host offers)")
	f.StringVar(&r.directory, "store-directory", "", "keep backups in this `folder`, usually a mount")
	f.StringArrayVar(&r.recipients, "recipient", nil, "encrypt to this `age` public key; repeat it for more")
	f.StringArrayVar(&r.endpoints, "endpoint", nil, "`URL` of an etcd member, where it is not found; repeat it for more")
	f.StringVar(&r.caFile, "ca-file", "", "certificate of etcd's `CA`, where it is not found")
	f.StringVar(&r.certFile, "cert-file", "", "client `certificate`")
	f.StringVar(&r.keyFile, "key-file", "", "its `key`")
	f.StringArrayVar(&r.credentials, "credential", nil, "`NAME=PATH`: the file for credential:NAME in the configuration; repeat it for more")
	f.StringVar(&r.root, "root", "/", "take this `folder` for the root of the host, such as that of an image; nothing is started")
	f.BoolVar(&r.yes, "yes", false, "ask no questions")
	f.BoolVar(&r.dryRun, "dry-run", false, "show what would be changed and tried; change and try nothing")
	f.BoolVar(&r.noStart, "no-start", false, "write, and start nothing")
	f.BoolVar(&r.noCheck, "no-check", false, "write without trying the cluster and the stores")
	return cmd
}

// setup is one call of the verb.
type setup struct {
	*invocation
	setupRequest
	// tree is the host's files; path that of its configuration, on the host.
	tree  fs.FS
	path  string
	host  discover.Host
	files setupFiles
	asker *asker // once something was asked
	// outcome is what -o json prints.
	outcome setupOutcome
}

func (inv *invocation) setup(ctx context.Context, r setupRequest) error {
	root, err := filepath.Abs(r.root)
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	r.root = root
	if err := mayWrite(os.Geteuid(), r); err != nil {
		return err
	}
	path, err := configOnHost(inv.config, r)
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	tree, done, err := openTree(root)
	if err != nil {
		return fmt.Errorf("setup: find etcd: %w", err)
	}
	defer func() { _ = done() }() // it was but read
	s := &setup{tree: tree, path: path, invocation: inv, setupRequest: r, outcome: setupOutcome{Checks: []setupCheck{}, Members: []setupMember{}}}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

func (s *setup) run(ctx context.Context) error {
	if err := s.readFiles(); err != nil {
		return err
	}
	if err := s.find(); err != nil {
		return err
	}
	s.printHost()
	if err := s.complete(ctx); err != nil {
		return err
	}
	p, err := s.plan()
	if err != nil {
		return err
	}
	s.printPlan(p)
	if err := s.allThere(p); err != nil {
		return err
	}
	if s.dryRun {
		return s.finish(p)
	}
	if p.differs() {
		if err := s.carryOut(ctx, p); err != nil {
			return err
		}
	}
	if err := s.start(ctx, p); err != nil {
		return err
	}
	return s.finish(p)
}

// carryOut tries what can be tried, asks, and writes.
func (s *setup) carryOut(ctx context.Context, p plan) error {
	if !s.noCheck {
		if err := s.try(ctx, p); err != nil {
			return err
		}
	}
	if err := s.confirm(ctx); err != nil {
		return err
	}
	for _, f := range p.files {
		if err := f.write(s.root); err != nil {
			return err
		}
	}
	s.outcome.Written = true
	return nil
}

// noRoot means that setup was called by somebody who may not write where it has to.
type noRoot struct{}

func (noRoot) Error() string {
	return "setup: only root can write the configuration and read etcd's keys"
}

// Hint implements hinter.
func (noRoot) Hint() string { return "repeat it with sudo; --dry-run shows what it would do" }

// mayWrite holds the caller back who could not finish what is begun.
func mayWrite(euid int, r setupRequest) error {
	if euid != 0 && r.root == "/" && !r.dryRun {
		return noRoot{}
	}
	return nil
}

// configOnHost is where the host has the configuration. The unit reads one place: another is for somebody else to read, and
// starting the agent would not be.
func configOnHost(path string, r setupRequest) (string, error) {
	if r.root != "/" {
		path = filepath.Join("/", path)
	}
	path, err := filepath.Abs(path)
	if err != nil || path == defaultConfig || r.noStart || r.root != "/" {
		return path, err
	}
	return "", fault.WithHint(fault.Usage(fmt.Errorf("the agent of this host reads %s, and not %s", defaultConfig, path)),
		"leave out --config and $ETCDWARD_CONFIG; or repeat with --no-start, which writes that file alone, and no drop-ins")
}

// foreign says that the unit does not read this configuration.
func (s *setup) foreign() bool { return s.path != defaultConfig }

// at is where a path of the host is for this process.
func (s *setup) at(path string) string { return filepath.Join(s.root, path) }

// find looks for etcd. What the flags say counts more than what is found.
func (s *setup) find() error {
	var err error
	s.host, err = discover.Find(s.tree)
	var nothing *discover.Nothing
	unknown := errors.As(err, &nothing) && nothing.Kind == ""
	switch known := s.files.config.parsed; {
	case err == nil:
	case len(s.endpoints) > 0:
		s.host = discover.Host{Kind: "flags"}
	case unknown && known != nil:
		s.host = discover.Host{Kind: "configuration", Endpoints: known.Cluster.Endpoints}
	default:
		return fmt.Errorf("find etcd: %w", err)
	}
	if len(s.endpoints) > 0 {
		s.host.Endpoints = s.endpoints
	}
	for _, f := range []struct {
		flag string
		to   *string
	}{{s.caFile, &s.host.CAFile}, {s.certFile, &s.host.CertFile}, {s.keyFile, &s.host.KeyFile}} {
		if f.flag != "" {
			*f.to = f.flag
		}
	}
	return nil
}

// setupFiles are those that setup writes, as they are.
type setupFiles struct {
	config struct {
		path   string
		text   []byte
		parsed *config.Config // nil: there is no content but comments
	}
	// service hands the secrets over, watch has the certificates watched, renew takes them up.
	service, watch, renew dropIn
}

// readFiles reads what is there.
func (s *setup) readFiles() (err error) {
	c := &s.files.config
	c.path = s.at(s.path)
	if c.text, err = readIfAny(s.root, c.path); err != nil {
		return err
	}
	if hasContent(c.text) {
		if c.parsed, err = config.Parse(c.path, c.text); err != nil {
			return fault.Config(err)
		}
	}
	for unit, d := range map[string]*dropIn{serviceUnit: &s.files.service, certsUnit: &s.files.watch, renewUnit: &s.files.renew} {
		if *d, err = s.readDropIn("/etc/systemd/system/" + unit + ".d"); err != nil {
			return err
		}
	}
	return nil
}

// now is when setup is called, for names and for what comes next.
func (s *setup) now() time.Time { return time.Now().UTC() }
