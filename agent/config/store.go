package config

import "time"

// Store is one place for backups. Exactly one of S3, GCS and Directory is set.
type Store struct {
	Name      string            `key:"name" need:"yes"`
	S3        *S3               `key:"s3"`
	GCS       *GCS              `key:"gcs"`
	Directory *Directory        `key:"directory"`
	Retention RetentionOverride `key:"retention"`
}

// Kind names the provider: "s3", "gcs" or "directory".
func (s Store) Kind() string {
	switch {
	case s.S3 != nil:
		return "s3"
	case s.GCS != nil:
		return "gcs"
	default:
		return "directory"
	}
}

// S3 is a bucket of Amazon S3 or of a server that speaks its protocol.
type S3 struct {
	Bucket string `key:"bucket" need:"yes"`
	// Region may be empty only if Endpoint is set.
	Region string `key:"region" default:""`
	// Prefix has neither a leading nor a trailing slash; empty means none.
	Prefix string `key:"prefix" default:""`
	// Endpoint is empty for Amazon's own service.
	Endpoint  string `key:"endpoint" default:""`
	PathStyle bool   `key:"path_style" default:"false"`
	Checksums string `key:"checksums" default:"auto" oneof:"auto when_required"`
	// StorageClass is empty for the bucket's default.
	StorageClass string `key:"storage_class" default:""`
	// KMSKeyID is empty for the bucket's default encryption.
	KMSKeyID string `key:"kms_key_id" default:""`
	Lock     string `key:"lock" default:"none" oneof:"none governance compliance"`
	// LockDays is in days; it has no meaning if Lock is none.
	LockDays int `key:"lock_days" default:"30" min:"1" max:"36500"`
	// CredentialsFile is empty if the credentials come from the environment or the host.
	CredentialsFile File `key:"credentials_file" default:""`
}

// GCS is a bucket of Google Cloud Storage.
type GCS struct {
	Bucket string `key:"bucket" need:"yes"`
	// Prefix has neither a leading nor a trailing slash; empty means none.
	Prefix string `key:"prefix" default:""`
	// Endpoint is empty for Google's own service.
	Endpoint string `key:"endpoint" default:""`
	// CredentialsFile is empty if the credentials come from the environment or the host.
	CredentialsFile File `key:"credentials_file" default:""`
}

// Directory is a folder on this host, usually a mount.
type Directory struct {
	// Path is absolute and clean.
	Path string `key:"path" need:"yes"`
}

// RetentionOverride holds the retention keys that a store sets itself. A nil key takes the value of the
// top-level section.
type RetentionOverride struct {
	KeepWithin  *time.Duration `key:"keep_within"`
	KeepLast    *int           `key:"keep_last" min:"1" max:"100000"`
	KeepDaily   *int           `key:"keep_daily" min:"0" max:"100000"`
	KeepWeekly  *int           `key:"keep_weekly" min:"0" max:"100000"`
	KeepMonthly *int           `key:"keep_monthly" min:"0" max:"100000"`
}

// RetentionOf is the policy of a store: the top-level section, with each key that the store sets itself
// replaced.
func (c *Config) RetentionOf(store Store) Retention {
	r, o := c.Retention, store.Retention
	override(&r.KeepWithin, o.KeepWithin)
	override(&r.KeepLast, o.KeepLast)
	override(&r.KeepDaily, o.KeepDaily)
	override(&r.KeepWeekly, o.KeepWeekly)
	override(&r.KeepMonthly, o.KeepMonthly)
	return r
}

func override[T any](value *T, with *T) {
	if with != nil {
		*value = *with
	}
}
