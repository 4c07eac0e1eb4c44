package s3

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// history is all that a bucket keeps under one name.
type history struct {
	name string
	// versions are sorted, the newest first.
	versions []version
}

// version is an object, or a marker that hides those before it.
type version struct {
	id       string
	marker   bool
	latest   bool
	size     int64
	tag      string
	modified time.Time
}

// at returns the object that was current at a time, or the current one if that is zero.
// False: there was none.
func (h history) at(at time.Time) (version, bool) {
	for _, v := range h.versions {
		if at.IsZero() && v.latest || !at.IsZero() && !v.modified.After(at) {
			return v, !v.marker
		}
	}
	return version{}, false
}

// newestFirst sorts versions. Their times are seconds, and the store tells objects and
// markers in lists of their own: where it does not say which is the latest, the object
// goes before the marker, so that in doubt something can be restored.
func newestFirst(versions []version) {
	slices.SortStableFunc(versions, func(a, b version) int {
		switch {
		case a.latest != b.latest:
			return first(a.latest)
		case !a.modified.Equal(b.modified):
			return b.modified.Compare(a.modified)
		case a.marker != b.marker:
			return first(b.marker)
		}
		return 0
	})
	// versitygw 1.8.0 gives a version the time at which it was hidden, and the marker that
	// hides it the version's own. The order is certain, so each gets the time that fits.
	times := make([]time.Time, len(versions))
	for i, v := range versions {
		times[i] = v.modified
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	for i := range versions {
		versions[i].modified = times[i]
	}
}

func first(is bool) int {
	if is {
		return -1
	}
	return 1
}

// histories yields the histories below prefix in lexical order of their names, one
// request for 1,000 versions.
func (b *Bucket) histories(ctx context.Context, prefix string) iter.Seq2[history, error] {
	return func(yield func(history, error) bool) {
		var (
			watch pages
			// open are the names that may have more versions on the next page.
			open = map[string][]version{}
			in   = &s3.ListObjectVersionsInput{
				Bucket: &b.options.Bucket, Prefix: b.asked(prefix), EncodingType: types.EncodingTypeUrl,
			}
		)
		for more := true; more; {
			found, next, err := b.versionsPage(ctx, in)
			if err != nil {
				yield(history{}, err)
				return
			}
			for _, entry := range found {
				fresh, err := watch.take(entry.name, entry.id)
				if err != nil {
					yield(history{}, err)
					return
				}
				if fresh && strings.HasPrefix(entry.name, *b.name(prefix)) {
					open[entry.name] = append(open[entry.name], entry.version)
				}
			}
			if more = next != nil; more {
				if err := watch.turn(); err != nil {
					yield(history{}, err)
					return
				}
				in = next
			}
			for _, name := range slices.Sorted(maps.Keys(open)) {
				if more && name == watch.last {
					continue // its other versions may be on the next page
				}
				newestFirst(open[name])
				if !yield(history{name, open[name]}, nil) {
					return
				}
				delete(open, name)
			}
		}
	}
}

// named is a version with its name.
type named struct {
	name string
	version
}

// versionsPage asks for one page, sorted by name. It returns what to ask for next, nil
// after the last.
func (b *Bucket) versionsPage(ctx context.Context, in *s3.ListObjectVersionsInput) ([]named, *s3.ListObjectVersionsInput, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	out, err := b.client.ListObjectVersions(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	found := make([]named, 0, len(out.Versions)+len(out.DeleteMarkers))
	for _, v := range out.Versions {
		name, err := decode(v.Key, out.EncodingType)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, named{name, version{
			id: versioned.version(v.VersionId), latest: aws.ToBool(v.IsLatest),
			size: aws.ToInt64(v.Size), tag: tag(v.ETag), modified: aws.ToTime(v.LastModified).UTC(),
		}})
	}
	for _, v := range out.DeleteMarkers {
		name, err := decode(v.Key, out.EncodingType)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, named{name, version{
			id: versioned.version(v.VersionId), marker: true, latest: aws.ToBool(v.IsLatest),
			modified: aws.ToTime(v.LastModified).UTC(),
		}})
	}
	slices.SortStableFunc(found, func(a, b named) int { return cmp.Compare(a.name, b.name) })
	if !aws.ToBool(out.IsTruncated) {
		return found, nil, nil
	}
	marker, err := decode(out.NextKeyMarker, out.EncodingType)
	if err != nil {
		return nil, nil, err
	}
	if marker == "" {
		return nil, nil, errNowhere
	}
	next := *in
	next.KeyMarker, next.VersionIdMarker = &marker, out.NextVersionIdMarker
	return found, &next, nil
}
