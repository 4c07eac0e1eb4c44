package metrics

import "github.com/prometheus/client_golang/prometheus"

// Scope says of what a metric speaks.
type Scope string

// OfCluster metrics begin with etcdward_cluster_: every agent of a cluster exports what it knows of the same thing, and `max by (cluster, ...)` is
// right. OfHost metrics are of the host that exports them.
const (
	OfHost    Scope = "host"
	OfCluster Scope = "cluster"
)

// Family is one metric.
type Family struct {
	Name   string
	Scope  Scope
	Kind   prometheus.ValueType // GaugeValue if it is a histogram as well
	Help   string
	Labels []string
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// families are all metrics that are made from Facts. Those that count are in counts.go. The label of a job is called task,
// because Prometheus gives the name of its own scrape job to a label called job.
var families = []Family{
	{"build_info", OfHost, gauge, "Always 1, with the version of the agent.", []string{"version", "goversion"}},
	{"alive_timestamp_seconds", OfHost, gauge, "When this text was made. In a file of the textfile collector it shows how old the file is.", nil},
	{"started_timestamp_seconds", OfHost, gauge, "When the agent was started.", nil},
	{"looked_timestamp_seconds", OfHost, gauge, "When the cluster and the stores were last looked at: how old everything of the stores is.", nil},
	{"look_duration_seconds", OfHost, gauge, "How long that look took.", nil},
	{"status", OfHost, gauge, "1 for the verdict that etcdward status gives on this host, 0 for the two others.", []string{"verdict"}},
	{"status_reasons", OfHost, gauge, "How many reasons that verdict has, if it is not PROTECTED.", nil},
	{"etcd_reachable", OfHost, gauge, "1 if the cluster answered this host when its members were last asked.", nil},
	{"etcd_probed_timestamp_seconds", OfHost, gauge, "When the members were last asked.", nil},
	{"store_reachable", OfHost, gauge, "1 if this host could read the store when it last looked.", []string{"store"}},
	{"spool_snapshots", OfHost, gauge, "Snapshots that wait on this host for the store.", []string{"store"}},
	{"spool_bytes", OfHost, gauge, "Bytes that wait on this host.", nil},
	{"spool_limit_bytes", OfHost, gauge, "The configured snapshot.spool_limit.", nil},
	{"spool_set_aside_snapshots", OfHost, gauge, "Snapshots that no store can take.", nil},
	{"config_reload_refused", OfHost, gauge, "1 if the configuration was changed and cannot be used.", nil},
	{"certificate_expiry_timestamp_seconds", OfHost, gauge, "When the certificate expires: this host's client certificate, its authority, or the one of a member.", []string{"role"}},

	{"job_interval_seconds", OfHost, gauge, "The time between two due runs of the job, the longer of those around now.", []string{"task"}},
	{"job_next_timestamp_seconds", OfHost, gauge, "When the job is due next.", []string{"task"}},
	{"job_running", OfHost, gauge, "1 while a run is under way.", []string{"task"}},
	{"job_last_run_timestamp_seconds", OfHost, gauge, "When the last run of the job ended on this host.", []string{"task"}},
	{"job_last_run_duration_seconds", OfHost, gauge, "How long it took.", []string{"task"}},
	{"job_last_run_ok", OfHost, gauge, "1 if it did its work, or found that another host had done it; 0 if it failed or had findings.", []string{"task"}},
	{"job_last_success_timestamp_seconds", OfHost, gauge, "When a run last did its work, or found that another host had done it.", []string{"task"}},

	{"defrag_min_reclaimable_bytes", OfHost, gauge, "The configured defrag.min_reclaimable; not exported if no defragmentation is scheduled.", nil},
	{"defrag_min_reclaimable_ratio", OfHost, gauge, "The configured defrag.min_reclaimable_ratio; likewise.", nil},
	{"prune_held", OfHost, gauge, "1 if nothing could be pruned when this host last tried, and why.", []string{"store", "reason"}},
	{"prune_held_since_timestamp_seconds", OfHost, gauge, "Since when that is so on this host.", []string{"store"}},
	{"prune_last_success_timestamp_seconds", OfHost, gauge, "When this host last pruned the store, or had nothing to remove.", []string{"store"}},

	{"cluster_store_last_success_timestamp_seconds", OfCluster, gauge, "When the newest proven snapshot in the store was taken: the cluster is restorable to this.", []string{"store"}},
	{"cluster_store_proven_timestamp_seconds", OfCluster, gauge, "When the newest snapshot in the store was taken that is proven at this level or above.", []string{"store", "level"}},
	{"cluster_store_verified_timestamp_seconds", OfCluster, gauge, "When a snapshot of the store was last read back and held.", []string{"store"}},
	{"cluster_store_drilled_timestamp_seconds", OfCluster, gauge, "When a snapshot of the store was last restored in a drill.", []string{"store"}},
	{"cluster_store_restore_seconds", OfCluster, gauge, "How long the last drill took from the order until every key was read: the measured time to restore.", []string{"store"}},
	{"cluster_store_snapshots", OfCluster, gauge, "Snapshots in the store.", []string{"store"}},
	{"cluster_store_findings", OfCluster, gauge, "What was found in the store that is not as it should be, in lines of etcdward status.", []string{"store"}},
	{"cluster_store_versioned", OfCluster, gauge, "1 if the store keeps what is overwritten or deleted.", []string{"store"}},
	{"cluster_store_locked", OfCluster, gauge, "1 if the store can hold objects back from being deleted.", []string{"store"}},
	{"cluster_store_create_only", OfCluster, gauge, "1 if the store refuses to overwrite an object that exists.", []string{"store"}},
	{"cluster_proven_timestamp_seconds", OfCluster, gauge, "The newest point in time that the cluster is proven restorable to.", nil},
	{"cluster_proven_revision", OfCluster, gauge, "The revision of etcd at that point.", nil},
	{"cluster_lock_info", OfCluster, gauge, "1 while an agent works on the cluster: which, and on what.", []string{"holder", "task"}},

	{"cluster_members", OfCluster, gauge, "Members of the cluster.", nil},
	{"cluster_member_info", OfCluster, gauge, "Always 1, with what the member is.", []string{"member", "id", "role", "version"}},
	{"cluster_member_healthy", OfCluster, gauge, "1 if the member answers and sees the leader that the quorum sees.", []string{"member"}},
	{"cluster_member_db_size_bytes", OfCluster, gauge, "Size of the member's database file.", []string{"member"}},
	{"cluster_member_db_in_use_bytes", OfCluster, gauge, "Bytes of it that hold data; the rest is free for defragmentation.", []string{"member"}},
	{"cluster_member_db_quota_bytes", OfCluster, gauge, "The size at which etcd raises NOSPACE and refuses writes.", []string{"member"}},
	{"cluster_member_revision", OfCluster, gauge, "The member's revision.", []string{"member"}},
	{"cluster_member_lag_entries", OfCluster, gauge, "Committed entries of the log that the member has yet to apply.", []string{"member"}},
	{"cluster_member_leader_changes_total", OfCluster, counter, "Changes of the leader that the member saw since it was started.", []string{"member"}},
	{"cluster_member_alarm", OfCluster, gauge, "1 if etcd has raised this alarm for the member.", []string{"member", "alarm"}},
	{"cluster_member_data_differs", OfCluster, gauge, "1 if the member held other data than the majority when a snapshot last compared them.", []string{"member"}},
	{walSync, OfCluster, gauge, "How long the member's disk takes to make an entry of the log durable.", []string{"member"}},
}

// walSync is the only histogram among the families.
const walSync = "cluster_member_wal_fsync_duration_seconds"
