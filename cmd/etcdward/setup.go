package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent/setup"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

func setupCommand(cli *cli) *cobra.Command {
	r := setup.Request{}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set this host up: find its etcd, write the configuration, try it, start the agent",
		Long: "Finds the etcd of this host if kubeadm, RKE2, k3s, kubespray or Debian set it up. Writes the configuration, and three drop-ins:\n" +
			"one hands the secrets to the agent, one has the certificates watched, and one restarts the agent for new ones only if none is\n" +
			"missing. Shows each change as a diff. Before it writes, it asks the cluster for its members, and it writes a small object to\n" +
			"each store, reads it, and removes it if that is allowed. Then it enables and starts the agent. The agent's unit reads\n" +
			"/etc/etcdward/config.yaml: with another --config setup writes that file alone, and needs --no-start.\n\n" +
			"On a terminal it asks for whatever no flag says. Without a terminal it needs --yes, --name and a store. If it is run again it\n" +
			"changes only what differs: it adds and changes what flags name, and removes nothing.\n\n" +
			"Exit codes: 0 set up, or nothing differs; 1 this host has no etcd to look after, something that was tried does not work, a\n" +
			"file is missing or the agent cannot read it, or the agent does not start; 64 flags are missing; 78 the existing configuration cannot be used.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.setup(cmd.Context(), r) },
	}
	setupFlags(cmd.Flags(), &r)
	return cmd
}

func setupFlags(f *pflag.FlagSet, r *setup.Request) {
	f.StringVar(&r.Name, "name", "", "name of the `cluster`, the same on all its hosts: the backups' home in every store")
	f.StringVar(&r.S3.Bucket, "store-s3", "", "keep backups in this S3 `bucket`")
	f.StringVar(&r.S3.Region, "s3-region", "", "its region")
	f.StringVar(&r.S3.Endpoint, "s3-endpoint", "", "`URL` of a server other than Amazon's")
	f.BoolVar(&r.S3.PathStyle, "s3-path-style", false, "bucket in the path, not in the host name")
	f.StringVar(&r.S3.Prefix, "s3-prefix", "", "a `folder` inside the bucket")
	f.StringVar(&r.S3Keys, "s3-credentials-file", "", "`file` with the keys, in the format of ~/.aws/credentials (default: what the host offers)")
	f.StringVar(&r.GCS.Bucket, "store-gcs", "", "keep backups in this `bucket` of Google Cloud Storage")
	f.StringVar(&r.GCS.Endpoint, "gcs-endpoint", "", "`URL` of a server other than Google's")
	f.StringVar(&r.GCS.Prefix, "gcs-prefix", "", "a `folder` inside the bucket")
	f.StringVar(&r.GCSKeys, "gcs-credentials-file", "", "`file` with the key of a service account (default: what the host offers)")
	f.StringVar(&r.Directory, "store-directory", "", "keep backups in this `folder`, usually a mount")
	f.StringArrayVar(&r.Recipients, "recipient", nil, "encrypt to this `age` public key; repeat it for more")
	f.StringArrayVar(&r.Endpoints, "endpoint", nil, "`URL` of an etcd member, if setup does not find it; repeat it for more")
	f.StringVar(&r.CAFile, "ca-file", "", "certificate of etcd's `CA`, if setup does not find it")
	f.StringVar(&r.CertFile, "cert-file", "", "client `certificate`")
	f.StringVar(&r.KeyFile, "key-file", "", "its `key`")
	f.StringArrayVar(&r.Credentials, "credential", nil, "`NAME=PATH`: the file for credential:NAME in the configuration; repeat it for more")
	f.StringVar(&r.Root, "root", "/", "take this `folder` for the root of the host, such as that of an image; nothing is started")
	f.BoolVar(&r.Yes, "yes", false, "ask no questions")
	f.BoolVar(&r.DryRun, "dry-run", false, "show what would be changed and tried; change and try nothing")
	f.BoolVar(&r.NoStart, "no-start", false, "write, and start nothing")
	f.BoolVar(&r.NoCheck, "no-check", false, "write without trying the cluster and the stores")
}

func (cli *cli) setup(ctx context.Context, r setup.Request) error {
	r.Config, r.Attended, r.Advise = cli.config, terminal.Is(cli.in), hintFor
	outcome, err := setup.Run(ctx, r, &setupUI{cli: cli, asker: terminal.NewAsker(cli.in, cli.err)})
	if err != nil {
		return err
	}
	if cli.json() {
		return cli.printJSON(reportOf(outcome))
	}
	cli.printNext(outcome)
	return nil
}
