package wire

import (
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/observe"
)

// JobSchedule is a job of the daemon and when it is due.
type JobSchedule struct {
	Name     string
	Schedule config.Schedule
}

// Schedules are the jobs of the daemon that are not switched off.
func (p *Parts) Schedules() []JobSchedule {
	var on []JobSchedule
	for _, job := range []JobSchedule{
		{"snapshot", p.Config.Snapshot.Schedule}, {"compaction", p.Config.Compaction.Schedule},
		{"defrag", p.Config.Defrag.Schedule}, {"verify", p.Config.Verify.Schedule},
	} {
		if !job.Schedule.Off() {
			on = append(on, job)
		}
	}
	return on
}

// Observer looks at everything that a status shows.
func (p *Parts) Observer() *observe.Observer {
	o := &observe.Observer{ClusterName: p.Config.Cluster.Name, Cluster: p.Cluster, StatePath: p.StatePath(), SpoolPath: p.spoolPath()}
	for _, store := range p.Stores {
		o.Stores = append(o.Stores, observe.Store{Store: store, Kind: p.KindOf(store.Name)})
	}
	for _, job := range p.Schedules() {
		o.Jobs = append(o.Jobs, observe.Job{Name: job.Name, Schedule: job.Schedule.Schedule})
	}
	if s := p.Config.Snapshot.Schedule; !s.Off() {
		o.Snapshots = &s.Schedule
	}
	return o
}
