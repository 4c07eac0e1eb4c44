package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
)

// Roles of a member.
const (
	RoleLeader    = "leader"
	RoleFollower  = "follower"
	RoleLearner   = "learner"
	RoleUnstarted = "unstarted" // added to the cluster, never begun
	RoleUnknown   = "unknown"   // it does not answer
)

// Alarms that etcd raises.
const (
	AlarmNoSpace = "NOSPACE"
	AlarmCorrupt = "CORRUPT"
)

// Member is one member as a survey found it. With Err set only ID, Name, Learner, URLs and Alarms are known. Name is what etcd has, whatever characters
// that holds; a member without one has its id instead.
type Member struct {
	ID       uint64
	Name     string
	Learner  bool
	URLs     []string // that it advertises to clients
	Endpoint string   // that it answered under
	Local    bool     // it answered under an address of this host
	Err      error    // why it did not answer

	Role           string
	Leader         uint64 // the leader that this member names; 0: none
	Version        string // of its server
	StorageVersion string // of its database's schema; "" before 3.6
	Revision       int64
	RaftIndex      uint64 // committed
	RaftApplied    uint64
	RaftTerm       uint64
	DBSize         int64    // bytes of the file
	DBInUse        int64    // bytes of it that hold data
	Quota          int64    // bytes; 0: not told, before 3.6
	Alarms         []string // known even of a member that does not answer, through the others

	told []Alarm // all alarms that this member knows of
}

// Alarm is an alarm that was raised for a member.
type Alarm struct {
	Member uint64
	Kind   string // AlarmNoSpace or AlarmCorrupt
}

// Survey is one look at all members.
type Survey struct {
	ClusterID uint64
	Members   []Member // by name
	Leader    uint64   // that a majority of the voters agrees on; 0: no quorum is seen from here
	// Strays are alarms of members that no longer exist, because they were removed or because they date from before a restore. etcd
	// still refuses writes because of them.
	Strays []Alarm
}

// Stray reports whether an alarm of that kind is raised for a member that no longer exists.
func (s Survey) Stray(kind string) bool {
	return slices.ContainsFunc(s.Strays, func(a Alarm) bool { return a.Kind == kind })
}

// Quorum reports whether a majority of the voters answers and agrees on a leader.
func (s Survey) Quorum() bool { return s.Leader != 0 }

// Member returns the member with an ID; the zero Member if there is none.
func (s Survey) Member(id uint64) Member {
	i := slices.IndexFunc(s.Members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return Member{}
	}
	return s.Members[i]
}

// Named returns the member with a name; false if there is none.
func (s Survey) Named(name string) (Member, bool) {
	i := slices.IndexFunc(s.Members, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return Member{}, false
	}
	return s.Members[i], true
}

// LeaderMember returns the member that leads; the zero Member if the survey saw no quorum.
func (s Survey) LeaderMember() Member { return s.Member(s.Leader) }

// Voters returns how many members have a vote, whether they answer or not.
func (s Survey) Voters() int {
	n := 0
	for _, m := range s.Members {
		if !m.Learner {
			n++
		}
	}
	return n
}

// HexID returns an id in the form in which etcd prints it.
func HexID(id uint64) string { return strconv.FormatUint(id, 16) }

// Survey asks the seeds for the list of members, and every member for its state. A member that does not answer is
// part of the result. An error wraps ErrUnreachable or ErrDenied and means that no seed gave the list of members.
func (c *Cluster) Survey(ctx context.Context) (Survey, error) {
	list, seeds, err := c.members(ctx)
	if err != nil {
		return Survey{}, err
	}
	s := Survey{ClusterID: list.Header.GetClusterId(), Members: make([]Member, len(list.Members))}
	var wg sync.WaitGroup
	for i, m := range list.Members {
		wg.Go(func() { s.Members[i] = c.visit(ctx, m, seeds[m.ID], s.ClusterID) })
	}
	wg.Wait()
	slices.SortFunc(s.Members, func(a, b Member) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	s.Leader = agreedLeader(s.Members)
	s.attribute()
	return s, nil
}

// attribute adds every alarm to its member. What a member knows about others counts only if it follows the leader.
func (s *Survey) attribute() {
	byID := map[uint64]*Member{}
	for i := range s.Members {
		byID[s.Members[i].ID] = &s.Members[i]
	}
	for _, teller := range s.Members {
		for _, a := range teller.told {
			owner := byID[a.Member]
			switch {
			case a.Member != teller.ID && teller.Leader != s.Leader:
			case owner != nil && !slices.Contains(owner.Alarms, a.Kind):
				owner.Alarms = append(owner.Alarms, a.Kind)
			case owner == nil && !slices.Contains(s.Strays, a):
				s.Strays = append(s.Strays, a)
			}
		}
	}
	for i := range s.Members {
		slices.Sort(s.Members[i].Alarms)
	}
	slices.SortFunc(s.Strays, func(a, b Alarm) int { return cmp.Or(cmp.Compare(a.Member, b.Member), cmp.Compare(a.Kind, b.Kind)) })
}

// listing is the list of members that one seed gave.
type listing struct {
	endpoint     string
	list         *pb.MemberListResponse
	linearizable bool // a quorum stands behind it
	err          error
}

// grace is how long a survey still waits for the other seeds once it has a list with a quorum behind it. Without this limit
// a seed that is cut off would hold it up until the deadline.
const grace = 300 * time.Millisecond

// members asks every seed at once. It takes a list that has a quorum behind it, or any other list if there is none. seeds
// holds the seed under which a member answers.
func (c *Cluster) members(ctx context.Context) (list *pb.MemberListResponse, seeds map[uint64]string, err error) {
	asking, enough := context.WithCancel(ctx)
	defer enough()
	replies := make(chan listing)
	for _, endpoint := range c.seeds {
		go func() { replies <- c.ask(asking, endpoint) }()
	}
	seeds = map[uint64]string{}
	var best listing
	for range c.seeds {
		r := <-replies
		if r.err != nil {
			err = errors.Join(err, r.err)
			continue
		}
		seeds[r.list.Header.GetMemberId()] = r.endpoint
		if best.list == nil || r.linearizable && !best.linearizable {
			best = r
		}
		if r.linearizable {
			defer time.AfterFunc(grace, enough).Stop()
		}
	}
	switch {
	case best.list == nil && (errors.Is(err, ErrDenied) || errors.Is(err, ErrAuthFailed)):
		// The member answers other users.
		return nil, nil, fmt.Errorf("etcd: %w: %w", ErrDenied, err)
	case best.list == nil:
		return nil, nil, fmt.Errorf("etcd: %w: %w", ErrUnreachable, err)
	case len(best.list.Members) == 0:
		return nil, nil, fmt.Errorf("etcd: %w: %s names no members", ErrUnreachable, best.endpoint)
	}
	return best.list, seeds, nil
}

// ask asks one seed for the list of members, first in the way that needs the quorum.
func (c *Cluster) ask(ctx context.Context, endpoint string) listing {
	r := listing{endpoint: endpoint}
	for _, r.linearizable = range []bool{true, false} {
		r.err = c.pool.Call(ctx, endpoint, "list members of", func(ctx context.Context, conn *grpc.ClientConn) (err error) {
			r.list, err = pb.NewClusterClient(conn).MemberList(ctx, &pb.MemberListRequest{Linearizable: r.linearizable})
			return err
		})
		if r.err == nil || ctx.Err() != nil {
			break
		}
	}
	return r
}

// visit asks one member for its status, first under the seed by which it is known and then under the URLs that it
// advertises.
func (c *Cluster) visit(ctx context.Context, listed *pb.Member, seed string, clusterID uint64) Member {
	m := Member{ID: listed.ID, Name: listed.Name, Learner: listed.IsLearner, URLs: listed.ClientURLs, Role: RoleUnknown}
	if m.Name == "" {
		m.Name = HexID(m.ID) // etcd takes an empty name as well
	}
	if listed.Name == "" && len(m.URLs) == 0 {
		m.Role = RoleUnstarted
		m.Err = errors.New("it was added to the cluster and never started")
		return m
	}
	urls := m.URLs
	if seed != "" {
		urls = append([]string{seed}, urls...)
	}
	if len(urls) == 0 {
		m.Err = errors.New("it advertises no client URL")
	}
	for _, url := range urls {
		var st *pb.StatusResponse
		err := c.pool.Call(ctx, url, "status of", maintenance(pb.MaintenanceClient.Status, &pb.StatusRequest{}, &st))
		switch {
		case err != nil:
		case st.Header.GetMemberId() != m.ID:
			err = fmt.Errorf("status of %s: member %s answers there; do several members advertise one URL?", url, HexID(st.Header.GetMemberId()))
		case st.Header.GetClusterId() != clusterID:
			err = fmt.Errorf("status of %s: it is a member of another cluster, %s", url, HexID(st.Header.GetClusterId()))
		default:
			m.Err = nil
			m.Endpoint, m.Local = url, isLocal(url)
			m.take(st)
			return m
		}
		m.Err = errors.Join(m.Err, err)
	}
	return m
}

// alarmForm is the form of an alarm in a status. The space inside it varies with the server's version.
var alarmForm = regexp.MustCompile(`memberID:(\d+)\s+alarm:([A-Z]+)`)

func (m *Member) take(st *pb.StatusResponse) {
	m.Version, m.StorageVersion = st.Version, st.StorageVersion
	m.Leader, m.Revision = st.Leader, st.Header.GetRevision()
	m.RaftIndex, m.RaftApplied, m.RaftTerm = st.RaftIndex, st.RaftAppliedIndex, st.RaftTerm
	m.DBSize, m.DBInUse, m.Quota = st.DbSize, st.DbSizeInUse, st.DbSizeQuota
	m.Learner = st.IsLearner
	switch {
	case m.Learner:
		m.Role = RoleLearner
	case st.Leader == m.ID:
		m.Role = RoleLeader
	default:
		m.Role = RoleFollower
	}
	for _, text := range st.Errors {
		alarm := alarmForm.FindStringSubmatch(text)
		if alarm == nil {
			continue
		}
		if id, err := strconv.ParseUint(alarm[1], 10, 64); err == nil {
			m.told = append(m.told, Alarm{Member: id, Kind: alarm[2]})
		}
	}
}

// agreedLeader returns the leader that more than half of all voters name, in one term; 0 if there is none.
func agreedLeader(members []Member) uint64 {
	type belief struct{ leader, term uint64 }
	voters, votes := 0, map[belief]int{}
	for _, m := range members {
		if m.Learner {
			continue
		}
		voters++
		if m.Err == nil && m.Leader != 0 {
			votes[belief{m.Leader, m.RaftTerm}]++
		}
	}
	for b, n := range votes {
		if n > voters/2 {
			return b.leader
		}
	}
	return 0
}
