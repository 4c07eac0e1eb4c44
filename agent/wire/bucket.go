package wire

import (
	"context"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/gcs"
	"github.com/etcdward/etcdward/storage/s3"
)

// LazyBucket is the bucket of a store, opened when it is first used. find is as for OpenBucket.
func LazyBucket(s config.Store, find func(config.File) (string, error)) *storage.Lazy {
	return storage.NewLazy(func(ctx context.Context) (storage.Bucket, error) { return OpenBucket(ctx, s, find) })
}

// OpenBucket is the one place that knows all providers. find tells where a file of the configuration lies for this process, as SecretFile does.
func OpenBucket(ctx context.Context, s config.Store, find func(config.File) (string, error)) (storage.Bucket, error) {
	switch {
	case s.S3 != nil:
		file, err := find(s.S3.CredentialsFile)
		if err != nil {
			return nil, err
		}
		return s3.Open(ctx, s3.Options{Bucket: s.S3.Bucket, Prefix: s.S3.Prefix, Region: s.S3.Region, Endpoint: s.S3.Endpoint,
			PathStyle: s.S3.PathStyle, Checksums: s.S3.Checksums, StorageClass: s.S3.StorageClass, KMSKeyID: s.S3.KMSKeyID,
			Lock: s.S3.Lock, LockDays: s.S3.LockDays, CredentialsFile: file})
	case s.GCS != nil:
		file, err := find(s.GCS.CredentialsFile)
		if err != nil {
			return nil, err
		}
		return gcs.Open(ctx, gcs.Options{Bucket: s.GCS.Bucket, Prefix: s.GCS.Prefix, Endpoint: s.GCS.Endpoint, CredentialsFile: file})
	}
	return directory.Open(s.Directory.Path)
}
