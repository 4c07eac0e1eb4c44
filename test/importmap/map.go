// Package importmap is the import map: which of our own packages each room may import, and which rooms alone may import a heavy
// library. Its test compares the tree with the map, and the lint rules in .golangci.yml with what Rules makes of it.
package importmap

// Module is how import paths of ours begin.
const Module = "github.com/etcdward/etcdward/"

// Rooms lists which of our own packages each room may import. Tests may import everything. A room that is not listed fails the test: a new room
// is added here first.
var Rooms = map[string][]string{
	// Where the bytes go, and when.
	"storage":             {},
	"storage/directory":   {"storage"},
	"storage/s3":          {"storage"},
	"storage/gcs":         {"storage"},
	"storage/storagetest": {"storage", "test/port"},
	"schedule":            {},
	"systemd":             {},

	// The leaves of agent: they import none of our packages, or only other leaves.
	"agent":                   {},
	"agent/cancellation":      {},
	"agent/fault":             {},
	"agent/hostfile":          {},
	"agent/staticpod":         {"agent/hostfile"},
	"agent/apiserver":         {"agent/staticpod"},
	"agent/version":           {},
	"agent/atomicfile":        {},
	"agent/listener":          {},
	"agent/printable":         {},
	"agent/heartbeat":         {},
	"agent/metrics":           {"agent/atomicfile", "agent/catalog", "agent/etcd", "agent/printable", "agent/snapshot", "agent/status", "storage"},
	"agent/etcd":              {"agent/etcd/connection", "agent/etcd/lock"},
	"agent/etcd/connection":   {},
	"agent/etcd/lock":         {"agent/etcd/connection"},
	"agent/child":             {},
	"agent/seal":              {},
	"agent/staging":           {},
	"agent/retention":         {},
	"agent/ballot":            {},
	"agent/status":            {},
	"agent/hostrecord":        {"agent/atomicfile"},
	"agent/discover":          {"agent/discover/endpoint", "agent/discover/unit", "agent/hostfile", "agent/staticpod"},
	"agent/discover/unit":     {"agent/hostfile"},
	"agent/discover/endpoint": {},
	"agent/discover/amend":    {},
	"agent/config":            {"agent/config/document", "agent/config/value"},
	"agent/config/document":   {"agent/config/value"},
	"agent/config/value":      {"schedule"},
	"agent/jobstate":          {"agent/atomicfile", "schedule"},
	"agent/snapshot":          {"agent/cancellation", "agent/child", "agent/printable", "agent/version"},
	"agent/census":            {"agent/extract/object", "agent/extract/unlock"},
	"agent/unpack":            {"agent/child"},
	"agent/scratch":           {"agent/census", "agent/child"},
	"agent/spool":             {"agent/atomicfile", "agent/cancellation", "agent/snapshot", "agent/staging"},
	"agent/catalog":           {"agent/cancellation", "agent/seal", "agent/snapshot", "storage"},
	"agent/restore/plan":      {"agent/fault", "agent/snapshot", "agent/version"},
	"agent/restore/probe":     {},
	"agent/restore/place":     {"agent/atomicfile", "agent/fault", "agent/restore/plan", "agent/restore/probe"},
	"agent/restore/kubeadm":   {"agent/fault", "agent/hostfile", "agent/restore/place", "agent/restore/plan", "agent/restore/probe", "agent/staticpod"},
	"agent/restore": {"agent/fault", "agent/restore/kubeadm", "agent/restore/place", "agent/restore/plan", "agent/restore/probe", "agent/scratch",
		"agent/snapshot", "agent/unpack"},

	// Objects of a snapshot as files.
	"agent/extract":          {"agent/extract/apply", "agent/extract/notation", "agent/extract/object", "agent/extract/unlock", "agent/snapshot"},
	"agent/extract/apply":    {"agent/extract/notation", "agent/extract/object", "agent/extract/protobuf"},
	"agent/extract/object":   {"agent/extract/notation", "agent/extract/protobuf", "agent/extract/unlock"},
	"agent/extract/protobuf": {"agent/extract/notation"},
	"agent/extract/unlock":   {"agent/extract/notation"},
	"agent/extract/notation": {},

	// The jobs.
	"agent/stores":            {"agent/catalog", "agent/retention", "agent/snapshot"},
	"agent/stores/storestest": {"agent/catalog", "agent/retention", "agent/snapshot", "agent/stores", "storage", "storage/directory", "storage/storagetest"},
	"agent/fetch":             {"agent", "agent/cancellation", "agent/seal", "agent/snapshot", "agent/staging", "agent/stores", "agent/version"},
	"agent/verify":            {"agent", "agent/cancellation", "agent/catalog", "agent/fetch", "agent/seal", "agent/snapshot", "agent/staging", "agent/stores", "agent/version"},
	"agent/backup": {"agent", "agent/atomicfile", "agent/ballot", "agent/cancellation", "agent/catalog", "agent/etcd", "agent/seal", "agent/snapshot", "agent/spool",
		"agent/staging", "agent/stores", "agent/version"},
	"agent/drill":        {"agent", "agent/catalog", "agent/census", "agent/child", "agent/fault", "agent/fetch", "agent/scratch", "agent/seal", "agent/snapshot", "agent/staging", "agent/stores", "agent/unpack"},
	"agent/delivery":     {"agent", "agent/cancellation", "agent/catalog", "agent/snapshot", "agent/spool", "agent/stores", "storage"},
	"agent/prune":        {"agent", "agent/atomicfile", "agent/catalog", "agent/retention", "agent/snapshot", "agent/staging", "agent/stores", "storage"},
	"agent/compact":      {"agent/atomicfile", "agent/etcd"},
	"agent/coordination": {"agent", "agent/cancellation", "agent/etcd"},
	"agent/defrag":       {"agent", "agent/ballot", "agent/cancellation", "agent/compact", "agent/etcd", "agent/printable", "agent/version"},
	"agent/observe":      {"agent/catalog", "agent/etcd", "agent/hostrecord", "agent/jobstate", "agent/retention", "agent/snapshot", "agent/spool", "agent/status", "agent/stores", "schedule"},
	"agent/trial":        {"agent/catalog", "agent/etcd", "storage"},
	"agent/round":        {"agent", "agent/backup", "agent/coordination", "agent/delivery", "agent/etcd", "agent/prune", "agent/snapshot", "agent/stores"},
	"agent/upkeep":       {"agent", "agent/compact", "agent/coordination", "agent/defrag", "agent/round"},

	"agent/restore/source": {"agent/catalog", "agent/etcd", "agent/fault", "agent/fetch", "agent/restore/kubeadm", "agent/restore/plan", "agent/restore/probe", "agent/seal",
		"agent/snapshot", "agent/staging", "agent/stores"},

	// The composition, and what runs on it.
	"agent/wire": {"agent", "agent/backup", "agent/catalog", "agent/compact", "agent/config", "agent/coordination", "agent/defrag", "agent/delivery", "agent/drill", "agent/etcd",
		"agent/fault", "agent/heartbeat", "agent/hostrecord", "agent/listener", "agent/metrics", "agent/observe", "agent/prune", "agent/retention", "agent/round", "agent/seal", "agent/spool", "agent/staging", "agent/stores",
		"agent/upkeep", "agent/verify", "storage", "storage/directory", "storage/gcs", "storage/s3", "systemd"},
	"agent/daemon": {"agent", "agent/catalog", "agent/compact", "agent/config", "agent/coordination", "agent/heartbeat", "agent/hostrecord", "agent/jobstate", "agent/metrics", "agent/observe",
		"agent/round", "agent/snapshot", "agent/status", "agent/upkeep",
		"agent/verify", "agent/wire", "schedule", "systemd"},

	// Makes a host ready.
	"agent/setup/hostfs":    {"agent/atomicfile", "agent/fault"},
	"agent/setup/account":   {"agent/setup/hostfs"},
	"agent/setup/unit":      {"agent/config", "agent/fault", "agent/setup/hostfs"},
	"agent/setup/systemctl": {"agent/fault", "agent/setup/unit"},
	"agent/setup": {"agent/catalog", "agent/config", "agent/discover", "agent/discover/amend", "agent/etcd", "agent/fault", "agent/setup/account", "agent/setup/hostfs",
		"agent/setup/systemctl", "agent/setup/unit", "agent/trial", "agent/wire", "storage"},

	// How a person calls it. The command itself may import every room.
	"cmd/etcdward/terminal": {},
	"cmd/etcdward/signals":  {},
	"cmd/etcdward/verbs":    {"agent/fault"},
	"cmd/etcdward/manual":   {"agent/config"},
	"cmd/etcdward/view":     {"agent/etcd", "agent/snapshot", "agent/status", "agent/verify", "cmd/etcdward/terminal"},
	"cmd/etcdward/demo": {"agent/compact", "agent/config", "agent/defrag", "agent/etcd", "agent/fetch", "agent/jobstate", "agent/restore", "agent/restore/plan",
		"agent/restore/source", "agent/round", "agent/scratch", "agent/seal", "agent/snapshot", "agent/stores", "agent/upkeep", "agent/wire",
		"cmd/etcdward/terminal", "schedule"},
}

// Command is the room that may import every other.
const Command = "cmd/etcdward"

// Owner is a heavy library: the rooms that alone may import it, and why.
type Owner struct {
	Library string
	Rooms   []string
	Why     string
}

// Owners are all heavy libraries.
var Owners = []Owner{
	{"go.etcd.io/etcd/client/v3", []string{"agent/etcd/connection"}, "agent/etcd/connection is the only importer of etcd's client"},
	{"go.etcd.io/etcd/server/v3", []string{"agent/scratch"}, "agent/scratch is the only importer of etcd's server"},
	{"go.etcd.io/etcd/etcdutl/v3", []string{"agent/unpack"}, "agent/unpack is the only importer of etcdutl"},
	{"go.etcd.io/bbolt", []string{"agent/snapshot"}, "agent/snapshot is the only parser of snapshot files"},
	{"filippo.io/age", []string{"agent/seal"}, "agent/seal is the only importer of age"},
	{"github.com/klauspost/compress", []string{"agent/seal"}, "agent/seal is the only importer of zstd"},
	{"github.com/aws", []string{"storage/s3"}, "storage/s3 is the only importer of the AWS SDK"},
	{"cloud.google.com/go", []string{"storage/gcs"}, "storage/gcs is the only importer of the GCS library"},
	{"go.yaml.in/yaml", []string{"agent/config/document", "agent/discover/amend", "agent/hostfile", "agent/restore/plan"}, "these rooms alone read or write YAML"},
	{"sigs.k8s.io/yaml", []string{"agent/extract/notation", "agent/extract/unlock"}, "agent/extract alone reads YAML as Kubernetes does"},
	{"golang.org/x/crypto", []string{"agent/extract/unlock"}, "agent/extract/unlock alone opens the boxes of Kubernetes"},
	{"k8s.io", nil, "Kubernetes' types weigh 18 MB, and 8 MiB of the daemon's memory: agent/extract/protobuf has a text in their place, and only its tests import them"},
	{"github.com/robfig/cron", []string{"schedule"}, "schedule is the only importer of cron"},
	{"github.com/coreos/go-systemd", []string{"systemd"}, "systemd is the only importer of go-systemd"},
	{"github.com/prometheus", []string{"agent/metrics"}, "agent/metrics is the only importer of Prometheus' libraries"},
	{"github.com/spf13/cobra", []string{"cmd/etcdward", "cmd/etcdward/manual", "cmd/etcdward/verbs"}, "only the command line knows verbs and flags"},
}

// Free are rooms for tests only that may import any library, because they talk to the servers that they test
// against.
var Free = []string{"storage/storagetest", "agent/stores/storestest"}

// Forbidden are names that say nothing about what is in a room.
var Forbidden = []string{"util", "utils", "common", "types", "helpers", "errors", "misc"}
