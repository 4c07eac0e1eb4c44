package config

import (
	"errors"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/config/document"
	"github.com/etcdward/etcdward/agent/config/value"
)

var (
	s3Bucket  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	gcsBucket = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)
	gcsPart   = regexp.MustCompile(`^[a-z0-9_-]{1,63}$`)
	region    = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	kmsKey    = regexp.MustCompile(`^[A-Za-z0-9:/_-]{1,512}$`)
)

// The classes whose objects can be read at once. EXPRESS_ONEZONE is not among them: its buckets list objects
// in no particular order, and a catalog relies on the order.
var s3Classes = []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR",
	"REDUCED_REDUNDANCY", "OUTPOSTS", "SNOW"}

// Check implements [document.Checker].
func (s *S3) Check(r *document.Reader, path string) {
	r.Judge(document.Child(path, "bucket"), s.Bucket, checkS3Bucket)
	r.Judge(document.Child(path, "prefix"), s.Prefix, checkPrefix)
	r.Judge(document.Child(path, "storage_class"), s.StorageClass, checkStorageClass)
	endpoint, at := document.Child(path, "endpoint"), document.Child(path, "region")
	r.Judge(endpoint, s.Endpoint, checkEndpoint)
	if r.Sound(at) {
		switch {
		case s.Region == "" && s.Endpoint == "" && r.Sound(endpoint):
			r.Report(at, "is needed if no endpoint is set, such as eu-central-1")
		case s.Region != "" && !region.MatchString(s.Region):
			r.Report(at, "not a region (allowed: such as eu-central-1)")
		}
	}
	if at := document.Child(path, "kms_key_id"); r.Sound(at) && s.KMSKeyID != "" && !kmsKey.MatchString(s.KMSKeyID) {
		r.Report(at, "not the id, the ARN or the alias of a KMS key")
	}
}

// Check implements [document.Checker].
func (g *GCS) Check(r *document.Reader, path string) {
	r.Judge(document.Child(path, "bucket"), g.Bucket, checkGCSBucket)
	r.Judge(document.Child(path, "prefix"), g.Prefix, checkPrefix)
	r.Judge(document.Child(path, "endpoint"), g.Endpoint, checkEndpoint)
}

// Check implements [document.Checker].
func (dir *Directory) Check(r *document.Reader, path string) {
	r.Judge(document.Child(path, "path"), dir.Path, checkDirectory)
}

func checkS3Bucket(s string) error {
	const allowed = " (allowed: 3 to 63 of a-z, 0-9, - and ., with a letter or digit at both ends)"
	_, ip := netip.ParseAddr(s)
	switch {
	case strings.HasPrefix(s, "s3://"), strings.HasPrefix(s, "arn:"):
		return errors.New("want the bare name of the bucket" + allowed)
	case strings.Contains(s, "/"):
		return errors.New("want the bare name of the bucket: what follows the slash belongs in prefix" + allowed)
	case !s3Bucket.MatchString(s), strings.Contains(s, ".."):
		return errors.New("no name for a bucket" + allowed)
	case ip == nil:
		return errors.New("not a name for a bucket: it looks like an IP address" + allowed)
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(s, p) {
			return errors.New("not a name for a bucket: S3 keeps the prefix " + p + " to itself")
		}
	}
	for _, p := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(s, p) {
			return errors.New("not a name for a bucket: S3 keeps the suffix " + p + " to itself")
		}
	}
	return nil
}

func checkGCSBucket(s string) error {
	const allowed = " (allowed: 3 to 63 of a-z, 0-9, -, _ and ., with a letter or digit at both ends)"
	switch _, ip := netip.ParseAddr(s); {
	case strings.HasPrefix(s, "gs://"):
		return errors.New("want the bare name of the bucket" + allowed)
	case strings.Contains(s, "/"):
		return errors.New("want the bare name of the bucket: what follows the slash belongs in prefix" + allowed)
	case !gcsBucket.MatchString(s), ip == nil,
		slices.ContainsFunc(strings.Split(s, "."), func(part string) bool { return !gcsPart.MatchString(part) }):
		return errors.New("no name for a bucket" + allowed)
	case strings.HasPrefix(s, "goog"), strings.Contains(s, "google"):
		return errors.New("not a name for a bucket: Google keeps goog to itself")
	}
	return nil
}

func checkPrefix(s string) error {
	switch {
	case s == "":
		return nil
	case strings.HasPrefix(s, "/"):
		return errors.New("leave the first slash out")
	case strings.HasSuffix(s, "/"):
		return errors.New("leave the last slash out")
	case len(s) > 512:
		return errors.New("longer than 512 bytes")
	}
	for part := range strings.SplitSeq(s, "/") {
		switch part {
		case "":
			return errors.New("an empty element: leave the double slash out")
		case ".", "..":
			return errors.New("the elements . and .. are not allowed")
		}
	}
	return nil
}

func checkStorageClass(s string) error {
	switch {
	case s == "", slices.Contains(s3Classes, s):
		return nil
	case s == "GLACIER", s == "DEEP_ARCHIVE":
		return errors.New("a restore would wait for hours until the object is readable; " +
			"GLACIER_IR is archive storage that is readable at once")
	}
	return errors.New("no such storage class" + value.Suggest(s, s3Classes))
}

func checkEndpoint(s string) error {
	if s == "" {
		return nil
	}
	return value.CheckService(s, "put credentials in credentials_file")
}

func checkDirectory(s string) error {
	switch {
	case !strings.HasPrefix(s, "/"):
		return errors.New("not an absolute path")
	case filepath.Clean(s) != s:
		return errors.New("the path is not clean: leave out //, . and .. and the last slash")
	case s == "/":
		return errors.New("the root of this host is no place for backups")
	case within(s, "/etc/kubernetes/manifests"):
		return errors.New("kubelet runs what lies in /etc/kubernetes/manifests: choose another directory")
	}
	return nil
}

// within reports whether path is directory or lies below it. Both paths must be clean.
func within(path, directory string) bool {
	rest, ok := strings.CutPrefix(path, directory)
	return ok && (rest == "" || rest[0] == '/')
}
