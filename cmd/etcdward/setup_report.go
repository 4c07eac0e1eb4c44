package main

import (
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/setup"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// setupReport is what setup -o json prints.
type setupReport struct {
	Host    setupHost     `json:"host"`
	Files   []setupChange `json:"files"`
	Checks  []setupCheck  `json:"checks"`
	Members []setupMember `json:"members"`
	DryRun  bool          `json:"dry_run"`
	Written bool          `json:"written"`
	Started bool          `json:"started"`
	Notes   []string      `json:"notes"`
	// NextSnapshot is null if the schedule is off.
	NextSnapshot *time.Time `json:"next_snapshot"`
	Restore      string     `json:"restore"`
	// OtherHosts is the command for the other hosts of the cluster; "" if nothing differs.
	OtherHosts string `json:"other_hosts,omitempty"`
}

type setupHost struct {
	Kind        discover.Kind `json:"kind"`
	Member      string        `json:"member,omitempty"`
	DataDir     string        `json:"data_dir,omitempty"`
	Endpoints   []string      `json:"endpoints"`
	CAFile      string        `json:"ca_file,omitempty"`
	CertFile    string        `json:"cert_file,omitempty"`
	KeyFile     string        `json:"key_file,omitempty"`
	MetricsURL  string        `json:"metrics_url,omitempty"`
	ClusterName string        `json:"cluster_name,omitempty"`
	Seen        []string      `json:"seen"`
}

type setupChange struct {
	Path    string `json:"path"`
	Changed bool   `json:"changed"`
	Diff    string `json:"diff,omitempty"`
}

type setupCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

type setupMember struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Version  string `json:"version,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	Error    string `json:"error,omitempty"`
}

// restoreCommandLine is how a restore begins.
const restoreCommandLine = "etcdward restore plan latest --output plan.yaml"

func reportOf(o setup.Outcome) setupReport {
	h := o.Host
	r := setupReport{
		Host: setupHost{Kind: h.Kind, Member: h.Member, DataDir: h.DataDir, Endpoints: h.Endpoints, CAFile: h.CAFile, CertFile: h.CertFile,
			KeyFile: h.KeyFile, MetricsURL: h.MetricsURL, ClusterName: h.ClusterName, Seen: append([]string{}, h.Seen...)},
		Checks: []setupCheck{}, Members: []setupMember{}, Notes: append([]string{}, o.Notes...),
		DryRun: o.DryRun, Written: o.Written, Started: o.Started, Restore: restoreCommandLine,
	}
	for _, c := range o.Changes {
		r.Files = append(r.Files, setupChange{c.Path, c.Differs(), terminal.UnifiedDiff(c.Path, c.Before, c.After)})
	}
	for _, c := range o.Checks {
		r.Checks = append(r.Checks, setupCheck(c))
	}
	for _, m := range o.Members {
		row := setupMember{Name: m.Name, Role: m.Role, Version: m.Version, Endpoint: m.Endpoint}
		if m.Err != nil {
			row.Error = m.Err.Error()
		}
		r.Members = append(r.Members, row)
	}
	if !o.NextSnapshot.IsZero() {
		r.NextSnapshot = &o.NextSnapshot
	}
	if o.Others != nil {
		r.OtherHosts = setupCommandLine(o.Others.Request)
	}
	return r
}

// setupCommandLine is the command, for a shell, that makes a request.
func setupCommandLine(r setup.Request) string {
	words := []string{"etcdward", "setup", "--yes"}
	add := func(flag string, values ...string) {
		for _, value := range values {
			if value != "" {
				words = append(words, flag, setup.ShellWord(value))
			}
		}
	}
	add("--name", r.Name)
	add("--config", r.Config)
	if r.NoStart {
		words = append(words, "--no-start")
	}
	add("--endpoint", r.Endpoints...)
	add("--ca-file", r.CAFile)
	add("--cert-file", r.CertFile)
	add("--key-file", r.KeyFile)
	add("--store-s3", r.S3.Bucket)
	add("--s3-region", r.S3.Region)
	add("--s3-endpoint", r.S3.Endpoint)
	if r.S3.PathStyle && r.S3.Bucket != "" {
		words = append(words, "--s3-path-style")
	}
	add("--s3-prefix", r.S3.Prefix)
	add("--s3-credentials-file", r.S3Keys)
	add("--store-gcs", r.GCS.Bucket)
	add("--gcs-endpoint", r.GCS.Endpoint)
	add("--gcs-prefix", r.GCS.Prefix)
	add("--gcs-credentials-file", r.GCSKeys)
	add("--store-directory", r.Directory)
	add("--recipient", r.Recipients...)
	add("--credential", r.Credentials...)
	return strings.Join(words, " ")
}
