package wire

import (
	"os"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/hostrecord"
	"github.com/etcdward/etcdward/agent/observe"
	"github.com/etcdward/etcdward/systemd"
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
		{"defrag", p.Config.Defrag.Schedule}, {"verify", p.Config.Verify.Schedule}, {"drill", p.Config.Drill.Schedule},
	} {
		if !job.Schedule.Off() {
			on = append(on, job)
		}
	}
	return on
}

// Observer looks at everything that a status shows.
func (p *Parts) Observer() *observe.Observer {
	o := &observe.Observer{ClusterName: p.Config.Cluster.Name, Cluster: p.Cluster, StatePath: p.StatePath(), SpoolPath: p.spoolPath(),
		RecordPaths: p.RecordPaths(), Version: p.Version, KeepWithin: p.shortestKept()}
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

// installedState and runtimeFolder are the folders that systemd makes for the unit. Every user may read the second.
const (
	installedState = "/var/lib/etcdward"
	runtimeFolder  = "/run/etcdward"
)

// RecordPaths are the folders with the records of this host: the one of the state, and the one in /run if the state is that of the installed agent.
func (p *Parts) RecordPaths() []string {
	folders := []string{p.StateDir}
	if own := os.Getenv(systemd.RuntimeDirectory); own != "" {
		return append(folders, own)
	}
	if p.StateDir == installedState {
		folders = append(folders, runtimeFolder)
	}
	return folders
}

// Changed tells the agent of this host that a verb changed something, so that its status line follows.
func (p *Parts) Changed() error { return hostrecord.Touch(p.StateDir) }

// shortestKept is the shortest time for which a store keeps its snapshots; 0 if no time limits that.
func (p *Parts) shortestKept() time.Duration {
	shortest := time.Duration(0)
	for _, store := range p.Config.Stores {
		if kept := p.Config.RetentionOf(store).KeepWithin; kept > 0 && (shortest == 0 || kept < shortest) {
			shortest = kept
		}
	}
	return shortest
}
