// Package plan holds what all members of a restored cluster must share: the snapshot, the members, one token, one revision bump. It
// knows no host and no store.
//
// Its one invariant: a plan that was changed after it was made is not read.
package plan

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
)

// planFormat is the version of the plan that this program writes, and the only one it reads.
const planFormat = 1

// DefaultBump is how far the revision is moved on, so that no client meets one again that it has seen.
const DefaultBump = 1_000_000_000

// Plan is what all members of a restored cluster must share. A difference in any of it between two hosts would start
// cleanly and diverge silently: hence one file, and its hash.
type Plan struct {
	Format int `yaml:"format" json:"format"`
	// SHA256 of everything else in the plan, hex.
	SHA256    string    `yaml:"sha256" json:"sha256"`
	CreatedAt time.Time `yaml:"created_at" json:"created_at"`
	// Cluster is the name in the configuration; its operator types it to confirm.
	Cluster  string   `yaml:"cluster" json:"cluster"`
	Snapshot Source   `yaml:"snapshot" json:"snapshot"`
	Members  []Member `yaml:"members" json:"members"`
	// Token keeps members of the old cluster and of the new one apart.
	Token string `yaml:"token" json:"token"`
	// HighestRevision that was ever seen, in the stores or on living members; RevisionBump clears it.
	HighestRevision int64 `yaml:"highest_revision" json:"highest_revision"`
	RevisionBump    int64 `yaml:"revision_bump" json:"revision_bump"`
	// MarkCompacted makes watches from before the restore fail, so that clients list anew.
	MarkCompacted bool `yaml:"mark_compacted" json:"mark_compacted"`
}

// Source is the snapshot, and where it is.
type Source struct {
	// ID as the stores name it; "" for a file that is in no store.
	ID string `yaml:"id,omitempty" json:"id,omitempty"`
	// Store by name, or the File's path on the host that planned. One of them is set.
	Store string `yaml:"store,omitempty" json:"store,omitempty"`
	File  string `yaml:"file,omitempty" json:"file,omitempty"`
	// Bare: the File is a database without a snapshot's trailer, which nothing proves.
	Bare bool `yaml:"bare,omitempty" json:"bare,omitempty"`
	// At is when the Store still had it, if that is to be read as it was then.
	At time.Time `yaml:"at,omitempty" json:"at,omitzero"`
	// SHA256 and SizeBytes of the plain file, trailer included.
	SHA256    string    `yaml:"sha256" json:"sha256"`
	SizeBytes int64     `yaml:"size_bytes" json:"size_bytes"`
	TakenAt   time.Time `yaml:"taken_at,omitempty" json:"taken_at,omitzero"`
	// Encrypted: apply takes an identity to read it.
	Encrypted bool  `yaml:"encrypted,omitempty" json:"encrypted,omitempty"`
	Revision  int64 `yaml:"revision" json:"revision"`
	TotalKeys int64 `yaml:"total_keys" json:"total_keys"`
	// EtcdVersion of the server that gave it, or of the cluster where only the file tells; "" when not known.
	// StorageVersion: "" before 3.6.
	EtcdVersion    string `yaml:"etcd_version,omitempty" json:"etcd_version,omitempty"`
	StorageVersion string `yaml:"storage_version,omitempty" json:"storage_version,omitempty"`
}

// Member is one host's part.
type Member struct {
	Name     string   `yaml:"name" json:"name"`
	PeerURLs []string `yaml:"peer_urls" json:"peer_urls"`
	DataDir  string   `yaml:"data_dir" json:"data_dir"`
}

// Draft is what a plan is made of.
type Draft struct {
	Cluster string
	Source  Source
	Members []Member
	// HighestRevision ever seen; less than the snapshot's own counts as that.
	HighestRevision int64
	// RevisionBump 0: DefaultBump, or what it takes.
	RevisionBump int64
}

// MaxBump is the largest RevisionBump: revisions are signed numbers of 64 bits, and the cluster goes on from there.
const MaxBump = math.MaxInt64 / 4

// headroom is what the bump leaves, unless it was given, for revisions that were handed out and never seen here.
const headroom = 100_000_000

// New decides on a plan. An error means that this draft can be no plan; it says why.
func New(d Draft, now time.Time) (Plan, error) {
	highest := max(d.HighestRevision, d.Source.Revision)
	bump := d.RevisionBump
	if bump == 0 {
		bump = DefaultBump
		if d.Source.Revision+bump < highest+headroom {
			bump = highest - d.Source.Revision + DefaultBump
		}
	}
	if bump > 0 && d.Source.Revision+bump <= highest {
		return Plan{}, fmt.Errorf("plan: a bump of %d takes revision %d to %d, and clients have seen up to %d: give at least --bump-revision %d",
			bump, d.Source.Revision, d.Source.Revision+bump, highest, highest-d.Source.Revision+1)
	}
	members := slices.Clone(d.Members)
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	p := Plan{Format: planFormat, CreatedAt: now.UTC().Truncate(time.Second), Cluster: d.Cluster, Snapshot: d.Source, Members: members,
		Token: "etcdward-" + rand.Text(), HighestRevision: highest, RevisionBump: bump, MarkCompacted: true}
	p.SHA256 = p.sum()
	if err := p.validate(); err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

// Revision that the restored cluster begins at.
func (p Plan) Revision() int64 { return p.Snapshot.Revision + p.RevisionBump }

// ShortID names what belongs to the plan on a host: the first eight digits of its SHA-256.
func (p Plan) ShortID() string { return p.SHA256[:min(8, len(p.SHA256))] }

// InitialCluster in the form of etcd's flag of that name.
func (p Plan) InitialCluster() string {
	var pairs []string
	for _, m := range p.Members {
		for _, u := range m.PeerURLs {
			pairs = append(pairs, m.Name+"="+u)
		}
	}
	return strings.Join(pairs, ",")
}

// Member by name. The error names those that there are.
func (p Plan) Member(name string) (Member, error) {
	names := make([]string, len(p.Members))
	for i, m := range p.Members {
		if m.Name == name {
			return m, nil
		}
		names[i] = m.Name
	}
	return Member{}, fault.WithHint(fmt.Errorf("member %q is not in the plan, which has %s", name, strings.Join(names, ", ")),
		"give --member with one of these names, or make a new plan that has this host")
}

// sum is the SHA-256 over the plan without itself: over JSON, whose form does not depend on how the YAML was laid out.
func (p Plan) sum() string {
	p.SHA256 = ""
	p.CreatedAt, p.Snapshot.TakenAt, p.Snapshot.At = p.CreatedAt.UTC(), p.Snapshot.TakenAt.UTC(), p.Snapshot.At.UTC()
	text, err := json.Marshal(p)
	if err != nil {
		panic("restore: a plan that JSON cannot hold: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

var (
	clusterForm = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	sumForm     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// maxSnapshotBytes is as agent/snapshot bounds it.
const maxSnapshotBytes = 1 << 40

// validate bounds everything that later code computes with.
func (p Plan) validate() error {
	switch {
	case p.Format != planFormat:
		return fmt.Errorf("format %d is not known to this version, which reads %d", p.Format, planFormat)
	case !clusterForm.MatchString(p.Cluster):
		return fmt.Errorf("cluster name %.70q is not of [a-z0-9-]{1,63}", p.Cluster)
	case !sumForm.MatchString(p.Snapshot.SHA256):
		return fmt.Errorf("snapshot: %.70q is no SHA-256", p.Snapshot.SHA256)
	case p.Snapshot.SizeBytes <= 0 || p.Snapshot.SizeBytes > maxSnapshotBytes:
		return fmt.Errorf("snapshot: size of %d bytes", p.Snapshot.SizeBytes)
	case p.Snapshot.Revision == 0:
		return fault.WithHint(errors.New("the snapshot has no keys: nothing was ever written to that etcd"), "a new cluster needs no restore; etcdward list shows other snapshots")
	case p.Snapshot.Revision < 1 || p.RevisionBump < 1 || p.Snapshot.Revision > math.MaxInt64/4 || p.RevisionBump > MaxBump:
		return fmt.Errorf("revision %d with a bump of %d is out of range", p.Snapshot.Revision, p.RevisionBump)
	case p.Revision() <= p.HighestRevision:
		return fmt.Errorf("revision %d does not clear %d, the highest seen", p.Revision(), p.HighestRevision)
	case !p.MarkCompacted:
		return errors.New("mark_compacted: false would leave old watches hanging")
	case p.Token == "":
		return errors.New("there is no token")
	}
	return ValidateMembers(p.Members)
}
