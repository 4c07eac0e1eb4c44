package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gcs "cloud.google.com/go/storage"

	"github.com/etcdward/etcdward/storage"
)

// Inspect implements storage.Inspector. It needs the right storage.buckets.get; without it,
// every property is unknown.
func (b *Bucket) Inspect(ctx context.Context) (storage.Properties, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	attrs, err := b.handle.Attrs(ctx)
	switch {
	case errors.Is(err, gcs.ErrBucketNotExist):
		return storage.Properties{}, b.explain("inspect", b.options.Bucket, err)
	case status(err) == http.StatusForbidden, status(err) == http.StatusUnauthorized, status(err) == http.StatusNotImplemented:
		unknown := storage.Property{Detail: "needs storage.buckets.get"}
		return storage.Properties{Versioning: unknown, Lock: unknown, Lifecycle: unknown, PublicAccess: unknown}, nil
	case err != nil:
		return storage.Properties{}, b.explain("inspect", b.options.Bucket, err)
	}
	return b.properties(attrs), nil
}

// properties reads them from a bucket's attributes.
func (b *Bucket) properties(a *gcs.BucketAttrs) storage.Properties {
	p := storage.Properties{
		Versioning:   storage.Property{State: storage.Off},
		Lock:         storage.Property{State: storage.Off},
		Lifecycle:    storage.Property{State: storage.Off},
		PublicAccess: storage.Property{State: storage.On, Detail: "not prevented by this bucket"},
	}
	if a.VersioningEnabled {
		p.Versioning.State = storage.On
	}
	if soft := a.SoftDeletePolicy; soft != nil && soft.RetentionDuration > 0 {
		p.Versioning.Detail = fmt.Sprintf("soft delete, %.0f days", soft.RetentionDuration.Hours()/24)
	}
	if r := a.RetentionPolicy; r != nil && r.RetentionPeriod > 0 {
		p.Lock = storage.Property{State: storage.On, Detail: fmt.Sprintf("retention, %.0f days", r.RetentionPeriod.Hours()/24)}
	} else if a.ObjectRetentionMode == "Enabled" {
		p.Lock = storage.Property{State: storage.On, Detail: "by object, no default retention"}
	}
	var rules []string
	for _, rule := range a.Lifecycle.Rules {
		if rule.Action.Type != gcs.AbortIncompleteMPUAction && b.concerns(rule.Condition) {
			rules = append(rules, strings.TrimSpace(rule.Action.Type+" "+rule.Action.StorageClass))
		}
	}
	if len(rules) > 0 {
		p.Lifecycle = storage.Property{State: storage.On, Detail: strings.Join(rules, "; ")}
	}
	if a.PublicAccessPrevention == gcs.PublicAccessPreventionEnforced {
		p.PublicAccess = storage.Property{State: storage.Off}
	}
	return p
}

// concerns reports whether a rule may be about objects below our prefix.
func (b *Bucket) concerns(condition gcs.LifecycleCondition) bool {
	ours := b.name("")
	return len(condition.MatchesPrefix) == 0 || slices.ContainsFunc(condition.MatchesPrefix, func(prefix string) bool {
		return strings.HasPrefix(ours, prefix) || strings.HasPrefix(prefix, ours)
	})
}
