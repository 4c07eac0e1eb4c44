// Package backup takes one snapshot of the cluster, checked and sealed, into the spool. It changes nothing in the cluster, and puts nothing into a store.
//
// Its one invariant: what reaches the spool passed every check of levels 1 and 2, and is byte for byte what etcd sent.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/version"
)

// Source is the cluster as a Snapshotter needs it.
type Source interface {
	Survey(ctx context.Context) (etcd.Survey, error)
	Confirm(ctx context.Context, m etcd.Member) error
	Snapshot(ctx context.Context, m etcd.Member, dst io.Writer, progress func(done, total int64)) (etcd.Stream, error)
	HashKV(ctx context.Context, m etcd.Member, revision int64, timeout time.Duration) (etcd.Hash, error)
	Responds(ctx context.Context, m etcd.Member) error
}

// Snapshotter takes one snapshot: it chooses a member, streams, checks, seals and spools.
type Snapshotter struct {
	Cluster     Source
	ClusterName string
	Policy      string // etcd.SourceFollower, SourceLocal or SourceAny
	Staging     *staging.Area
	Spool       *spool.Spool
	Sealer      seal.Sealer
	Stores      []stores.Store
	// AcceptNewCluster lets a store take backups of a cluster id that it has not seen under this name.
	AcceptNewCluster bool
	// HashBudget is how long one member's HashKV, which holds up writers, may take; 0: no member is asked for its hash.
	HashBudget time.Duration
	// PacePath is the file that keeps how long HashKV took the last time; "": nothing is kept.
	PacePath string
	Tool     string // name and version, for the manifest
	Log      *slog.Logger
	Progress agent.Progress
}

// ErrUnproven means that the cluster gave no snapshot that passes its checks. What exists already is kept.
var ErrUnproven = errors.New("no sound snapshot could be taken")

// Take takes a snapshot, checks it, and leaves it in the spool: the part of the work that disturbs the cluster. After an error nothing
// was taken.
func (s *Snapshotter) Take(ctx context.Context) (snapshot.Manifest, error) {
	survey, err := s.Cluster.Survey(ctx)
	if err != nil {
		return snapshot.Manifest{}, fmt.Errorf("take snapshot: %w", err)
	}
	answering, err := s.claim(ctx, survey)
	if err != nil {
		return snapshot.Manifest{}, fmt.Errorf("take snapshot: %w", err)
	}
	candidates, passed, err := etcd.Choose(survey, s.Policy)
	for _, p := range passed {
		s.Log.Debug("member passed over", "member", p.Name, "reason", p.Reason)
	}
	if err != nil {
		return snapshot.Manifest{}, fmt.Errorf("take snapshot: %w", err)
	}
	var failed error
	for i, c := range candidates {
		m, err := s.takeFrom(ctx, survey, c, candidates[i+1:], answering)
		if err == nil {
			return m, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", c.Member.Name, err))
		if ctx.Err() != nil || errors.Is(err, staging.ErrNoSpace) {
			break
		}
		s.Log.Warn("member gave no snapshot", "member", c.Member.Name, "error", err)
	}
	return snapshot.Manifest{}, fmt.Errorf("take snapshot: %w", failed)
}

// storeTime is how long the stores are asked for anything while the cluster's lock is held.
const storeTime = 10 * time.Second

// claim makes sure that no store's backups of this name are another cluster's. It fails when all refuse; a store that is away, or
// refuses alone, fails later for itself. It gives those that answered.
func (s *Snapshotter) claim(ctx context.Context, survey etcd.Survey) (answering []stores.Store, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	errs := make([]error, len(s.Stores))
	var asking sync.WaitGroup
	for i, store := range s.Stores {
		asking.Go(func() { errs[i] = store.Catalog.Claim(ctx, etcd.HexID(survey.ClusterID), s.AcceptNewCluster) })
	}
	asking.Wait()
	var refused error
	count := 0
	for i, err := range errs {
		switch {
		case err == nil:
			answering = append(answering, s.Stores[i])
		case errors.Is(err, catalog.ErrOtherCluster):
			count++
			refused = errors.Join(refused, fmt.Errorf("store %s: %w", s.Stores[i].Name, err))
		}
	}
	if count == len(s.Stores) {
		return nil, refused
	}
	return answering, nil
}

// errOutvoted means that a member's data are not those of the majority, and that another member which can serve has those.
var errOutvoted = errors.New("its data are not those of the majority")

// takeFrom streams, checks, seals and spools a snapshot of one member. others can serve too, should this one be at odds with the majority.
func (s *Snapshotter) takeFrom(ctx context.Context, survey etcd.Survey, c etcd.Candidate, others []etcd.Candidate, answering []stores.Store) (snapshot.Manifest, error) {
	if !c.Emergency {
		if err := s.Cluster.Confirm(ctx, c.Member); err != nil {
			return snapshot.Manifest{}, fmt.Errorf("it lost touch with the quorum: %w", err)
		}
	}
	// The plain file and the sealed one lie side by side for a moment.
	if err := s.Staging.Require(2*c.Member.DBSize + staging.Reserve); err != nil {
		return snapshot.Manifest{}, err
	}
	level := slog.LevelInfo
	if c.LastResort || c.Emergency {
		level = slog.LevelWarn
	}
	s.Log.Log(ctx, level, "member chosen", "member", c.Member.Name, "role", c.Member.Role, "reason", c.Reason)

	plain, err := s.Staging.Create("snapshot")
	if err != nil {
		return snapshot.Manifest{}, err
	}
	defer func() { _ = staging.Discard(plain) }() // what cannot be removed now, a sweep will
	begun := time.Now()
	digest := snapshot.NewDigest()
	_, err = s.Cluster.Snapshot(ctx, c.Member, io.MultiWriter(plain, digest), s.Progress.Step("stream"))
	if err == nil {
		err = plain.Sync()
	}
	if err != nil {
		return snapshot.Manifest{}, err
	}
	took := time.Since(begun)

	s.Progress.Report("check", 0, 0)
	exam, err := snapshot.ExamineDigested(ctx, plain.Name(), digest, version.MinorOf(c.Member.Version))
	if err != nil {
		return snapshot.Manifest{}, err
	}
	if err := exam.Err(); err != nil {
		return snapshot.Manifest{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	m := s.manifest(survey, c, exam, begun, took)
	v := s.compareHash(ctx, survey, c, exam.Facts, plain.Name())
	if slices.ContainsFunc(others, func(o etcd.Candidate) bool { return slices.Contains(v.sound, o.Member.Name) }) {
		return m, fmt.Errorf("%w: %s", errOutvoted, v.check.Detail)
	}
	v.into(&m)
	s.avoidStrangers(ctx, answering, &m)
	m.Fit()
	return m, s.spoolSealed(ctx, plain, &m)
}

func (s *Snapshotter) manifest(survey etcd.Survey, c etcd.Candidate, exam snapshot.Examination, begun time.Time, took time.Duration) snapshot.Manifest {
	id := snapshot.NewID(begun, exam.Facts.Revision)
	return snapshot.Manifest{
		Format:      snapshot.Format,
		ID:          id.String(),
		Cluster:     snapshot.Cluster{Name: s.ClusterName, ID: etcd.HexID(survey.ClusterID)},
		TakenAt:     id.TakenAt,
		TookSeconds: took.Round(time.Millisecond).Seconds(),
		Member: snapshot.Member{Name: c.Member.Name, ID: etcd.HexID(c.Member.ID), Role: c.Member.Role,
			Version: c.Member.Version, Reason: c.Reason},
		Facts:     exam.Facts,
		Checks:    exam.Checks,
		Emergency: c.Emergency,
		Tool:      s.Tool,
	}
}

// avoidStrangers moves the snapshot's time on, by a second at a time, while a store has a snapshot of that very ID of another
// cluster: where a name was handed on from one cluster to the next. One of the same cluster is no stranger.
func (s *Snapshotter) avoidStrangers(ctx context.Context, all []stores.Store, m *snapshot.Manifest) {
	for range attempts {
		id := snapshot.NewID(m.TakenAt, m.Revision)
		m.ID = id.String()
		if !isStrangers(ctx, all, id, m.Cluster.ID) {
			return
		}
		s.Log.Warn("another cluster has a snapshot of that ID", "snapshot", m.ID)
		catalog.MoveOn(m)
	}
}

// attempts is how often a snapshot moves on by a second for the sake of another one of its ID.
const attempts = 10

// isStrangers looks in every store; one that cannot be read finds out when it is delivered to.
func isStrangers(ctx context.Context, all []stores.Store, id snapshot.ID, clusterID string) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	found := make([]bool, len(all))
	var asking sync.WaitGroup
	for i, store := range all {
		asking.Go(func() {
			entry, err := store.Catalog.Find(ctx, id)
			if err != nil {
				return
			}
			theirs, err := store.Catalog.Manifest(ctx, entry)
			found[i] = err == nil && theirs.Cluster.ID != clusterID
		})
	}
	asking.Wait()
	return slices.Contains(found, true)
}

// spoolSealed seals the plain file, holding it to the digest of the stream once more, and spools the result.
func (s *Snapshotter) spoolSealed(ctx context.Context, plain *os.File, m *snapshot.Manifest) error {
	sealed, err := s.Staging.Create("sealed")
	if err != nil {
		return err
	}
	defer func() { _ = sealed.Close() }() // synced below; closing only ends the lock
	err = s.sealInto(ctx, sealed, plain, m)
	if err == nil {
		err = s.spoolAdd(sealed, *m)
	}
	// Another process of this host may have taken one of the same second and revision.
	for tries := 0; errors.Is(err, fs.ErrExist) && tries < attempts; tries++ {
		catalog.MoveOn(m)
		err = s.spoolAdd(sealed, *m)
	}
	if err != nil {
		return errors.Join(err, staging.Discard(sealed))
	}
	return nil
}

func (s *Snapshotter) sealInto(ctx context.Context, sealed, plain *os.File, m *snapshot.Manifest) error {
	if _, err := plain.Seek(0, io.SeekStart); err != nil {
		return err
	}
	again, object := snapshot.NewDigest(), newObjectDigest()
	source := io.TeeReader(plain, io.MultiWriter(again, s.Progress.Count("seal", m.SizeBytes)))
	if err := s.Sealer.Seal(ctx, io.MultiWriter(sealed, object), source); err != nil {
		return err
	}
	if whole, err := again.Verify(); err != nil || whole != m.SHA256 {
		return fmt.Errorf("%w: %s reads differently from how it was written: %w", ErrUnproven, plain.Name(), errors.Join(err, snapshot.ErrDamaged))
	}
	if err := sealed.Sync(); err != nil {
		return err
	}
	m.Object = snapshot.Stored{SizeBytes: object.size, SHA256: object.hex(), Compression: s.Sealer.Compression(), Encryption: s.Sealer.Encryption()}
	m.Restore = catalog.ByHand(*m)
	return nil
}

func (s *Snapshotter) spoolAdd(sealed *os.File, m snapshot.Manifest) error {
	names := make([]string, len(s.Stores))
	for i, store := range s.Stores {
		names[i] = store.Name
	}
	dropped, err := s.Spool.Add(sealed, spool.Entry{Manifest: m, Pending: names})
	for _, e := range dropped {
		s.Log.Error("spool is over its limit, snapshot dropped", "snapshot", e.Manifest.ID, "stores", strings.Join(e.Pending, " "))
	}
	return err
}
