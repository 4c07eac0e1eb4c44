package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// Prober looks at the members. It only reads: a status and the metrics of each member, the lock, and the size of the spool.
type Prober struct {
	// Cluster connects to etcd. Its error means that the cluster cannot even be asked.
	Cluster func() (*etcd.Cluster, error)
	// SpoolBytes is the size of everything that waits on this host.
	SpoolBytes func() (int64, error)
	Log        *slog.Logger
}

const (
	// probeEvery is the time between two looks. An fsync or a database that grows is not seen at the pace of the status.
	probeEvery = time.Minute
	// probeLimit limits one look.
	probeLimit = 30 * time.Second
)

// Run looks until ctx ends, and passes on what it saw.
func (p *Prober) Run(ctx context.Context, seen func(Probe)) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		probe := p.look(ctx, time.Now())
		if ctx.Err() != nil {
			return
		}
		seen(probe)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look is one look. What cannot be seen is missing from it: the status and the log tell why.
func (p *Prober) look(ctx context.Context, now time.Time) Probe {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	out := Probe{At: now}
	if size, err := p.SpoolBytes(); err == nil {
		out.SpoolBytes = size
	} else {
		p.Log.Debug("spool not measured", "error", err)
	}
	cluster, err := p.Cluster()
	if err != nil {
		p.Log.Debug("members not probed", "error", err)
		return out
	}
	if expiry, err := cluster.Expiry(); err == nil {
		out.Certificates = append(out.Certificates, Certificate{"client", expiry.Client}, Certificate{"authority", expiry.Authority})
	} else {
		p.Log.Debug("certificates not read", "error", err)
	}
	survey, err := cluster.Survey(ctx)
	if err != nil {
		p.Log.Debug("members not probed", "error", err)
		return out
	}
	out.Reached = true
	if who, held, err := cluster.Holder(ctx); err == nil && held {
		out.Holder, out.Task = who.Host, who.Task
	}
	out.Members = make([]Member, len(survey.Members))
	var asking sync.WaitGroup
	for i, m := range survey.Members {
		asking.Go(func() { out.Members[i] = p.member(ctx, cluster, m, survey) })
	}
	asking.Wait()
	for _, m := range out.Members {
		out.Certificates = append(out.Certificates, Certificate{"member", m.Expires})
	}
	return out
}

// member is what one member shows. A client may not be allowed to read a member's metrics, so nothing but what only they show depends on
// them.
func (p *Prober) member(ctx context.Context, cluster *etcd.Cluster, m etcd.Member, survey etcd.Survey) Member {
	out := Member{ID: etcd.HexID(m.ID), Name: m.Name, Role: m.Role, Version: m.Version, Answered: m.Err == nil, Alarms: m.Alarms,
		Healthy: m.Err == nil && survey.Quorum() && m.Leader == survey.Leader,
		DBSize:  m.DBSize, DBInUse: m.DBInUse, Quota: m.Quota, Revision: m.Revision, LeaderChanges: -1}
	if !out.Answered {
		return out
	}
	for _, other := range survey.Members {
		out.Lag = max(out.Lag, other.RaftIndex-min(m.RaftApplied, other.RaftIndex))
	}
	gauges, err := cluster.Gauges(ctx, m)
	if err != nil {
		p.Log.Debug("metrics of a member not read", "member", m.Name, "error", err)
		return out
	}
	if out.Quota == 0 {
		out.Quota = gauges.Quota
	}
	out.Expires = gauges.Expires
	out.LeaderChanges = gauges.LeaderChanges
	out.Sync = Histogram(gauges.Sync)
	return out
}
