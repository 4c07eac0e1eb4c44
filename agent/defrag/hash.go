package defrag

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/ballot"
	"github.com/etcdward/etcdward/agent/etcd"
)

// agreement is the hash of the data of all members, at a revision.
type agreement struct {
	etcd.Hash
}

// agreeTries is how often the members are asked again if the cluster was compacted between their answers.
const agreeTries = 5

// hashTimeout limits a HashKV call on a small database.
const hashTimeout = 30 * time.Second

// hashTimeoutFor returns the limit of a HashKV call, which grows with the database because the call reads all
// of it.
func hashTimeoutFor(m etcd.Member) time.Duration {
	const slowest = 20 << 20 // bytes a second
	return hashTimeout + time.Duration(float64(m.DBSize)/slowest*float64(time.Second))
}

// agree asks one member after the other for its hash at a revision that all have. The error wraps ErrDiverged if the
// hashes differ; any other error means that they could not be compared.
func (r *defragRun) agree(ctx context.Context, survey etcd.Survey) error {
	var why error
	for range agreeTries {
		var found *agreement
		if found, why = r.compareAll(ctx, survey); why == nil {
			r.agreed = found
			return nil
		}
		if errors.Is(why, ErrDiverged) || ctx.Err() != nil {
			return why
		}
		var err error
		if survey, err = r.Cluster.Survey(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("compare the members' data: %w", why)
}

func (r *defragRun) compareAll(ctx context.Context, survey etcd.Survey) (*agreement, error) {
	var revision int64
	voters := votersOf(survey) // etcd refuses to hash a learner
	for _, m := range voters {
		if m.Err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, m.Err)
		}
		if revision == 0 || m.Revision < revision {
			revision = m.Revision
		}
	}
	var first *agreement
	var said []string
	var votes []ballot.Vote
	for _, m := range voters {
		h, err := r.Cluster.HashKV(ctx, m, revision, hashTimeoutFor(m))
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = &agreement{h}
		}
		if h.CompactRevision != first.CompactRevision {
			return nil, errors.New("the cluster was compacted between their answers")
		}
		votes = append(votes, ballot.Vote{Member: m.Name, Data: fmt.Sprintf("%08x", h.Hash)})
		said = append(said, fmt.Sprintf("%s %08x", m.Name, h.Hash))
	}
	if len(ballot.Parties(votes)) > 1 {
		return nil, fmt.Errorf("%w at revision %d: %s; %s", ErrDiverged, revision, strings.Join(said, ", "), whoIsWrong(votes, survey.Voters()))
	}
	return first, nil
}

// whoIsWrong names the members that the others outvote.
func whoIsWrong(votes []ballot.Vote, voters int) string {
	majority, odd, found := ballot.Majority(votes, voters)
	if !found {
		return fmt.Sprintf("no majority of %d voters tells which are right", voters)
	}
	names := make([]string, len(odd))
	for i, o := range odd {
		names[i] = o.Member
	}
	return fmt.Sprintf("%s at odds with the majority (%s)", strings.Join(names, ", "), majority)
}

// stillAgrees compares a member with what all agreed on before. Only where the cluster was compacted since are all of them
// asked again.
func (r *defragRun) stillAgrees(ctx context.Context, survey etcd.Survey, m etcd.Member) error {
	if m.Learner {
		return nil
	}
	h, err := r.Cluster.HashKV(ctx, m, r.agreed.Revision, hashTimeoutFor(m))
	switch {
	case etcd.IsCompacted(err), err == nil && h.CompactRevision != r.agreed.CompactRevision:
		err = r.agree(ctx, survey)
	case err == nil && h.Hash != r.agreed.Hash.Hash:
		err = fmt.Errorf("%w at revision %d: it has %08x now, and all had %08x before", ErrDiverged, h.Revision, h.Hash, r.agreed.Hash.Hash)
	}
	if errors.Is(err, ErrDiverged) {
		r.Log.Error("members differ after a defragmentation", "member", m.Name, "error", err)
	}
	return err
}
