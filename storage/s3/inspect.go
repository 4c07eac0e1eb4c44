package s3

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etcdward/etcdward/storage"
)

// Inspect implements storage.Inspector.
func (b *Bucket) Inspect(ctx context.Context) (storage.Properties, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	var p storage.Properties
	for _, ask := range []struct {
		into *storage.Property
		how  func(context.Context) (storage.Property, error)
		// none is the code with which a store says that there is no such setting.
		none string
	}{
		{&p.Versioning, b.askVersioning, ""},
		{&p.Lock, b.askLock, "ObjectLockConfigurationNotFoundError"},
		{&p.Lifecycle, b.askLifecycle, "NoSuchLifecycleConfiguration"},
		{&p.PublicAccess, b.askPublicAccess, ""},
	} {
		found, err := ask.how(ctx)
		switch {
		case code(err) == "NoSuchBucket":
			return storage.Properties{}, b.explain("inspect", b.options.Bucket, err)
		case err != nil && ask.none != "" && code(err) == ask.none:
			found = storage.Property{State: storage.Off}
		case refused(err):
			found = storage.Property{State: storage.Unknown, Detail: code(err)}
		case err != nil:
			return storage.Properties{}, b.explain("inspect", b.options.Bucket, err)
		}
		*ask.into = found
	}
	return p, nil
}

func (b *Bucket) askVersioning(ctx context.Context) (storage.Property, error) {
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.options.Bucket})
	switch {
	case err != nil:
		return storage.Property{}, err
	case out.Status != types.BucketVersioningStatusEnabled:
		return storage.Property{State: storage.Off, Detail: strings.ToLower(string(out.Status))}, nil
	case out.MFADelete == types.MFADeleteStatusEnabled:
		return storage.Property{State: storage.On, Detail: "MFA delete"}, nil
	}
	return storage.Property{State: storage.On}, nil
}

func (b *Bucket) askLock(ctx context.Context) (storage.Property, error) {
	out, err := b.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &b.options.Bucket})
	if err != nil {
		return storage.Property{}, err
	}
	lock := out.ObjectLockConfiguration
	if lock == nil || lock.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return storage.Property{State: storage.Off}, nil
	}
	on := storage.Property{State: storage.On, Detail: "no default retention"}
	if lock.Rule != nil && lock.Rule.DefaultRetention != nil {
		rule := lock.Rule.DefaultRetention
		on.Detail = fmt.Sprintf("%s, %d days by default", strings.ToLower(string(rule.Mode)), aws.ToInt32(rule.Days)+365*aws.ToInt32(rule.Years))
	}
	return on, nil
}

func (b *Bucket) askLifecycle(ctx context.Context) (storage.Property, error) {
	out, err := b.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.options.Bucket})
	if err != nil {
		return storage.Property{}, err
	}
	var rules []string
	for _, rule := range out.Rules {
		if rule.Status != types.ExpirationStatusEnabled || !b.concerns(rule) {
			continue
		}
		id := aws.ToString(rule.ID)
		if e := rule.Expiration; e != nil && (e.Days != nil || e.Date != nil) {
			rules = append(rules, id+": expires objects")
		}
		if rule.NoncurrentVersionExpiration != nil {
			rules = append(rules, id+": expires versions")
		}
		if len(rule.Transitions)+len(rule.NoncurrentVersionTransitions) > 0 {
			rules = append(rules, id+": moves objects")
		}
	}
	if len(rules) == 0 {
		return storage.Property{State: storage.Off}, nil
	}
	return storage.Property{State: storage.On, Detail: strings.Join(rules, "; ")}, nil
}

// concerns reports whether a rule may be about objects below our prefix.
func (b *Bucket) concerns(rule types.LifecycleRule) bool {
	prefix := aws.ToString(rule.Prefix) //nolint:staticcheck // old rules have it here
	if f := rule.Filter; f != nil {
		if f.Prefix != nil {
			prefix = *f.Prefix
		} else if f.And != nil {
			prefix = aws.ToString(f.And.Prefix)
		}
	}
	ours := *b.name("")
	return strings.HasPrefix(ours, prefix) || strings.HasPrefix(prefix, ours)
}

func (b *Bucket) askPublicAccess(ctx context.Context) (storage.Property, error) {
	out, err := b.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.options.Bucket})
	if code(err) == "NoSuchPublicAccessBlockConfiguration" {
		return storage.Property{State: storage.On, Detail: "not blocked for this bucket"}, nil
	} else if err != nil {
		return storage.Property{}, err
	}
	block := out.PublicAccessBlockConfiguration
	if block != nil && aws.ToBool(block.BlockPublicAcls) && aws.ToBool(block.IgnorePublicAcls) &&
		aws.ToBool(block.BlockPublicPolicy) && aws.ToBool(block.RestrictPublicBuckets) {
		return storage.Property{State: storage.Off}, nil
	}
	return storage.Property{State: storage.On, Detail: "blocked in part"}, nil
}
