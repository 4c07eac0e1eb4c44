// Package config turns the one configuration file into a [Config]: strict
// YAML, every default filled in, every mistake of the file reported at once.
//
// It does not know what the values are used for: it opens no file that a key
// names, asks no network and reads no environment.
//
// Its one invariant: a *Config that [Parse] or [Load] returned is complete and has passed every check, so
// that no caller has to check it again.
//
// A key is one struct field; package document has its tags.
package config

import "time"

// Config is the effective configuration: what the file gives, and the defaults.
type Config struct {
	Cluster    Cluster    `key:"cluster"`
	TimeZone   TimeZone   `key:"time_zone" default:"UTC"`
	Snapshot   Snapshot   `key:"snapshot"`
	Stores     []Store    `key:"stores" need:"yes"`
	Retention  Retention  `key:"retention"`
	Prune      Prune      `key:"prune"`
	Compaction Compaction `key:"compaction"`
	Defrag     Defrag     `key:"defrag"`
	Verify     Verify     `key:"verify"`
	Drill      Drill      `key:"drill"`
	Metrics    Metrics    `key:"metrics"`
	Heartbeat  Heartbeat  `key:"heartbeat"`
	Log        Log        `key:"log"`
}

// Cluster says which etcd this host protects and how to reach it.
type Cluster struct {
	// Name is the home of the backups in every store.
	Name string `key:"name" need:"yes"`
	// Endpoints are the seeds: at least one URL, either all http or all https.
	Endpoints []string `key:"endpoints" default:"https://127.0.0.1:2379"`
	// CAFile, CertFile and KeyFile are empty when the endpoints are http.
	// CertFile and KeyFile are both empty or both set.
	CAFile   File `key:"ca_file" default:"credential:etcd-ca"`
	CertFile File `key:"cert_file" default:"credential:etcd-cert"`
	KeyFile  File `key:"key_file" default:"credential:etcd-key"`
	// Username and PasswordFile are both empty, for no etcd user, or both set.
	Username     string `key:"username" default:""`
	PasswordFile File   `key:"password_file" default:""`
}

// Snapshot says when snapshots are taken, from which member, and how they are packed.
type Snapshot struct {
	Schedule    Schedule `key:"schedule" default:"0 * * * *"`
	Source      string   `key:"source" default:"follower" oneof:"follower local any"`
	Compression string   `key:"compression" default:"zstd" oneof:"zstd none"`
	// Recipients are age public keys; none means not encrypted.
	Recipients []string `key:"recipients"`
	// SpoolLimit is how many bytes of snapshots may wait on this host while a store is unreachable.
	SpoolLimit Size `key:"spool_limit" default:"20GiB" min:"1"`
}

// Retention says which verified snapshots a store keeps.
type Retention struct {
	// KeepWithin keeps every snapshot that is not older; 0 means that only the counts decide.
	KeepWithin  time.Duration `key:"keep_within" default:"30d"`
	KeepLast    int           `key:"keep_last" default:"24" min:"1" max:"100000"`
	KeepDaily   int           `key:"keep_daily" default:"0" min:"0" max:"100000"`
	KeepWeekly  int           `key:"keep_weekly" default:"0" min:"0" max:"100000"`
	KeepMonthly int           `key:"keep_monthly" default:"0" min:"0" max:"100000"`
}

// Prune reports whether retention is acted on.
type Prune struct {
	Enabled bool `key:"enabled" default:"true"`
}

// Compaction says when etcd's history is compacted and how old the history that stays may be.
type Compaction struct {
	Schedule Schedule      `key:"schedule" default:"5 * * * *"`
	Keep     time.Duration `key:"keep" default:"10m"`
}

// Defrag says when members are defragmented, and how much space that must give back to be worth it.
type Defrag struct {
	Schedule Schedule      `key:"schedule" default:"0 3 * * 0"`
	Window   time.Duration `key:"window" default:"2h" min:"1m"`
	// MinReclaimable is in bytes, MinReclaimableRatio a share of the file in [0,1). A member must reach both.
	MinReclaimable      Size    `key:"min_reclaimable" default:"100MiB"`
	MinReclaimableRatio float64 `key:"min_reclaimable_ratio" default:"0.2" min:"0" below:"1"`
	MoveLeader          bool    `key:"move_leader" default:"true"`
	// Pause is the time to wait between two members; 0 means none.
	Pause time.Duration `key:"pause" default:"30s"`
}

// Verify says when stored snapshots are read back.
type Verify struct {
	Schedule Schedule `key:"schedule" default:"30 4 * * *"`
	// ReadBack is the share, in [0,1], of the stored snapshots that one run reads back in full.
	ReadBack float64 `key:"read_back" default:"0.1" min:"0" max:"1"`
	// HashBudget bounds HashKV of one member, which holds up its writers; 0: no member is asked.
	HashBudget time.Duration `key:"hash_budget" default:"10s" min:"0s" max:"10m"`
}

// Drill says when a restore is rehearsed.
type Drill struct {
	Schedule Schedule `key:"schedule" default:"0 5 * * 0"`
}

// Metrics says where the metrics are served and written.
type Metrics struct {
	// Listen is host:port, or [Off]. Anything but a loopback address needs TLSCertFile.
	Listen string `key:"listen" default:"127.0.0.1:9479"`
	// TLSCertFile and TLSKeyFile are both empty, for plain HTTP, or both set.
	TLSCertFile File `key:"tls_cert_file" default:""`
	TLSKeyFile  File `key:"tls_key_file" default:""`
	// TLSClientCAFile holds the authorities of which every client needs a certificate; empty means that none is asked for.
	TLSClientCAFile File `key:"tls_client_ca_file" default:""`
	// Textfile is an absolute path that ends in .prom; empty means none.
	Textfile string `key:"textfile" default:""`
}

// Heartbeat names the URL of a dead man's switch.
type Heartbeat struct {
	// URL is requested after each stored and proven snapshot; empty means none. Do not print it: its path may
	// hold a token.
	URL string `key:"url" default:"" secret:"yes"`
	// FailureURL is requested after a snapshot that failed; empty means URL with /fail after it. Do not print it either.
	FailureURL string `key:"failure_url" default:"" secret:"yes"`
}

// Log says how much is logged and in which form.
type Log struct {
	Level  string `key:"level" default:"info" oneof:"debug info warn error"`
	Format string `key:"format" default:"auto" oneof:"auto text json journal"`
}
