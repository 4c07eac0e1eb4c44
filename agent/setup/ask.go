package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
)

// complete sees to it that everything is known that has to be: from the configuration, the request, or answers.
func (s *setup) complete(ctx context.Context) error {
	known := s.current.config != nil
	needName := s.Name == "" && !known
	needStore := !known && !s.hasStore()
	if !s.attended() {
		return s.refuseOpen(needName, needStore)
	}
	if needName {
		if err := s.askAll(ctx, question{"Name of the cluster, the same on all its hosts (a-z, 0-9 and -)", s.etcd.ClusterName, &s.Name, true}); err != nil {
			return err
		}
	}
	if needStore {
		return s.askStore(ctx)
	}
	return nil
}

// attended reports whether questions are to be asked.
func (s *setup) attended() bool { return s.Attended && !s.Yes }

// refuseOpen names the flags that are missing, as nobody can be asked.
func (s *setup) refuseOpen(needName, needStore bool) error {
	var missing []string
	if needName {
		flag := "--name CLUSTER"
		if s.etcd.ClusterName != "" {
			flag += " (it is called " + s.etcd.ClusterName + " here)"
		}
		missing = append(missing, flag)
	}
	if needStore {
		missing = append(missing, "one of --store-s3 BUCKET, --store-gcs BUCKET and --store-directory PATH")
	}
	if s.S3.Bucket != "" && s.S3.Region == "" && s.S3.Endpoint == "" && s.current.config == nil {
		missing = append(missing, "--s3-region REGION, or --s3-endpoint URL")
	}
	if !s.Yes && !s.DryRun {
		missing = append(missing, "--yes")
	}
	if len(missing) > 0 {
		return fault.Usage(fmt.Errorf("there is nobody to ask, and these flags are missing: %s", strings.Join(missing, "; ")))
	}
	return nil
}

// question is asked until it has an answer, or once if it needs none.
type question struct {
	text, proposal string
	to             *string
	need           bool
}

// askAll asks the questions that are still open.
func (s *setup) askAll(ctx context.Context, questions ...question) (err error) {
	for _, q := range questions {
		for *q.to == "" {
			if *q.to, err = s.ui.Ask(ctx, q.text, q.proposal); err != nil {
				return err
			}
			if !q.need {
				break
			}
		}
	}
	return nil
}

func (s *setup) askStore(ctx context.Context) error {
	kind, err := s.ui.Ask(ctx, "Where do backups go: s3, gcs or directory", "s3")
	if err != nil {
		return err
	}
	switch kind {
	case "s3":
		err = s.askAll(ctx, question{"Bucket", "", &s.S3.Bucket, true}, question{"URL of the server (empty: Amazon's)", "", &s.S3.Endpoint, false})
		if err == nil {
			err = s.askAll(ctx, question{"Region, such as eu-central-1", "", &s.S3.Region, s.S3.Endpoint == ""},
				question{"File with its keys (empty: what the host offers)", "", &s.S3Keys, false})
		}
		// A server of one's own usually has its buckets in the path.
		s.S3.PathStyle = s.S3.PathStyle || s.S3.Endpoint != ""
	case "gcs":
		err = s.askAll(ctx, question{"Bucket", "", &s.GCS.Bucket, true},
			question{"File with the key of a service account (empty: what the host offers)", "", &s.GCSKeys, false})
	case "directory":
		err = s.askAll(ctx, question{"Folder, such as /mnt/backups", "", &s.Directory, true})
	default:
		return fault.Usage(fmt.Errorf("%q is not s3, gcs or directory", kind))
	}
	if err != nil || len(s.Recipients) > 0 {
		return err
	}
	recipient, err := s.ui.Ask(ctx, "Encrypt to this age public key (empty: not encrypted)", "")
	if recipient != "" {
		s.Recipients = []string{recipient}
	}
	return err
}

// ErrUnwanted means that the operator saw the changes and did not want them.
var ErrUnwanted = errors.New("not confirmed: nothing was written")

// confirm asks whether the changes are to be made. If nobody attends, complete has seen to it that the request says yes.
func (s *setup) confirm(ctx context.Context) error {
	if !s.attended() {
		return nil
	}
	wanted, err := s.ui.Confirm(ctx)
	if err == nil && !wanted {
		err = fault.WithHint(ErrUnwanted, "type yes when asked, or repeat with --yes")
	}
	return err
}
