package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/discover"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// setupOutcome is what setup -o json prints.
type setupOutcome struct {
	Host    setupHost     `json:"host"`
	Files   []setupChange `json:"files"`
	Checks  []setupCheck  `json:"checks"`
	Members []setupMember `json:"members"`
	DryRun  bool          `json:"dry_run"`
	Written bool          `json:"written"`
	Started bool          `json:"started"`
	Notes   []string      `json:"notes"`
	// NextSnapshot is null where the schedule is off.
	NextSnapshot *time.Time `json:"next_snapshot"`
	Restore      string     `json:"restore"`
	// OtherHosts is the command for the other hosts of the cluster; "" where nothing differs.
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

type setupMember struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Version  string `json:"version,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	Error    string `json:"error,omitempty"`
}

func membersOf(survey etcd.Survey) []setupMember {
	members := []setupMember{}
	for _, m := range survey.Members {
		row := setupMember{Name: m.Name, Role: m.Role, Version: m.Version, Endpoint: m.Endpoint}
		if m.Err != nil {
			row.Error = m.Err.Error()
		}
		members = append(members, row)
	}
	return members
}

// say writes a line of the report, which is the output unless that is for programs.
func (s *setup) say(format string, args ...any) {
	if !s.json() {
		fmt.Fprintf(s.out, format+"\n", args...)
	}
}

func (s *setup) talkUnlessJSON(format string, args ...any) {
	if !s.json() {
		s.talk(format, args...)
	}
}

func (s *setup) printHost() {
	h := s.host
	s.outcome.Host = setupHost{Kind: h.Kind, Member: h.Member, DataDir: h.DataDir, Endpoints: h.Endpoints, CAFile: h.CAFile, CertFile: h.CertFile,
		KeyFile: h.KeyFile, MetricsURL: h.MetricsURL, ClusterName: h.ClusterName, Seen: append([]string{}, h.Seen...)}
	s.outcome.Notes = append([]string{}, h.Notes...)
	s.say("etcd as %s has it", h.Kind)
	for _, f := range [][2]string{{"member", h.Member}, {"data", h.DataDir}, {"endpoint", strings.Join(h.Endpoints, ", ")}, {"CA", h.CAFile},
		{"certificate", h.CertFile}, {"key", h.KeyFile}, {"metrics", h.MetricsURL}, {"seen in", strings.Join(h.Seen, ", ")}} {
		if f[1] != "" {
			s.say("  %-12s %s", f[0], f[1])
		}
	}
	for _, note := range h.Notes {
		s.say("  Note: %s.", note)
	}
}

// printPlan shows what is to be changed.
func (s *setup) printPlan(p plan) {
	for _, f := range p.files {
		change := setupChange{Path: f.path, Changed: f.differs(), Diff: unifiedDiff(f.path, f.before, f.after)}
		s.outcome.Files = append(s.outcome.Files, change)
		if change.Changed {
			s.say("\n%s", strings.TrimSuffix(change.Diff, "\n"))
		}
	}
	if !p.differs() {
		s.say("\nNothing differs: no file is changed.")
		return
	}
	s.say("")
	notes := p.cfg.Warnings()
	for _, store := range p.cfg.Stores {
		if store.S3 != nil && store.S3.CredentialsFile == "" || store.GCS != nil && store.GCS.CredentialsFile == "" {
			notes = append(notes, "store "+store.Name+": the agent uses the credentials that the host offers, and not those of this shell")
		}
	}
	if len(p.cfg.Snapshot.Recipients) == 0 {
		notes = append(notes, "snapshot.recipients: none, so that the backups are not encrypted")
	}
	for _, note := range notes {
		s.say("Note: %s.", note)
	}
	s.outcome.Notes = append(s.outcome.Notes, notes...)
}

func (s *setup) printCheck(c setupCheck) {
	if !c.OK {
		s.say("FAILED  %s", c.Name) // the error says why
		return
	}
	s.say("ok      %s: %s", c.Name, c.Detail)
	if c.Name == "cluster" && !s.json() {
		for _, m := range s.outcome.Members {
			s.say("          %-10s %-10s %-8s %s", m.Name, m.Role, m.Version, m.Endpoint)
		}
	}
}

// finish says what comes next.
func (s *setup) finish(p plan) error {
	s.outcome.DryRun = s.dryRun
	s.outcome.Restore = "etcdward restore plan latest --output plan.yaml"
	if p.differs() {
		s.outcome.OtherHosts = s.again(p)
	}
	schedule := p.cfg.Snapshot.Schedule
	if next := schedule.Next(s.now()); !next.IsZero() {
		next = next.UTC()
		s.outcome.NextSnapshot = &next
	}
	if s.json() {
		return s.printJSON(s.outcome)
	}
	if s.dryRun {
		s.say("A dry run: nothing was changed, and nothing tried. To be tried: the cluster at %s; writing to, reading from and removing from %s.",
			strings.Join(p.cfg.Cluster.Endpoints, ", "), storeNames(p))
		if s.foreign() {
			return nil // nothing is started
		}
		s.say("Then: systemctl enable --now %s", strings.Join(unitsOf(p), " "))
		return nil
	}
	if s.outcome.NextSnapshot != nil {
		s.say("Next snapshot:  %s (%s)", terminal.Time(*s.outcome.NextSnapshot), schedule)
	} else {
		s.say("Next snapshot:  none by itself, snapshot.schedule is off")
	}
	s.say("To restore:     %s", s.outcome.Restore)
	if s.outcome.OtherHosts != "" {
		before := ""
		if p.amends {
			before = "copy " + s.path + " there, then "
		}
		s.say("Other hosts:    the same on every host of the control plane: %s%s", before, s.outcome.OtherHosts)
	}
	return nil
}

func storeNames(p plan) string {
	var names []string
	for _, store := range p.cfg.Stores {
		names = append(names, "store "+store.Name+" ("+store.Kind()+")")
	}
	return strings.Join(names, ", ")
}

// again is the command that sets another host up alike: of flags or, where a configuration was there before, of that configuration.
func (s *setup) again(p plan) string {
	words := []string{"etcdward", "setup", "--yes"}
	if !p.amends {
		words = append(words, "--name", p.cfg.Cluster.Name)
	}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	if s.foreign() {
		words = append(words, "--config", s.path, "--no-start")
	}
	for _, e := range s.endpoints {
		add("--endpoint", e)
	}
	add("--ca-file", s.caFile)
	add("--cert-file", s.certFile)
	add("--key-file", s.keyFile)
	if p.amends {
		for _, f := range p.cfg.Files()[3:] { // those of etcd are found
			if name, is := f.Credential(); is && p.sources[name] != "" {
				add("--credential", name+"="+p.sources[name])
			}
		}
		return shellWords(words)
	}
	add("--store-s3", s.s3.Bucket)
	add("--s3-region", s.s3.Region)
	add("--s3-endpoint", s.s3.Endpoint)
	if s.s3.PathStyle && s.s3.Bucket != "" {
		words = append(words, "--s3-path-style")
	}
	add("--s3-prefix", s.s3.Prefix)
	add("--s3-credentials-file", s.s3Keys)
	add("--store-gcs", s.gcs.Bucket)
	add("--gcs-endpoint", s.gcs.Endpoint)
	add("--gcs-prefix", s.gcs.Prefix)
	add("--gcs-credentials-file", s.gcsKeys)
	add("--store-directory", s.directory)
	for _, r := range s.recipients {
		add("--recipient", r)
	}
	for _, c := range s.credentials {
		add("--credential", c)
	}
	return shellWords(words)
}

func shellWords(words []string) string {
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

func shellWord(w string) string {
	if plainWord.MatchString(w) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
