// Package trial finds out whether a cluster answers, and whether a store works for the backups of that cluster. It does not know why
// somebody asks, nor how the parts were made.
//
// Its one invariant: a store is left as it was found. If what was written may not be removed, the outcome names it.
package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

const (
	clusterLimit = 30 * time.Second
	storeLimit   = time.Minute
)

// ErrNoQuorum means that too few members answer, or that they agree on no leader.
var ErrNoQuorum = errors.New("no quorum")

// Cluster asks a cluster for its members. detail describes them in a line. The survey is also returned with ErrNoQuorum.
func Cluster(ctx context.Context, cluster *etcd.Cluster) (survey etcd.Survey, detail string, err error) {
	ctx, cancel := context.WithTimeout(ctx, clusterLimit)
	defer cancel()
	if survey, err = cluster.Survey(ctx); err != nil {
		return etcd.Survey{}, "", err
	}
	detail, err = describe(survey)
	return survey, detail, err
}

// describe reports how a cluster fares.
func describe(survey etcd.Survey) (string, error) {
	var versions, leader, silent []string
	for _, m := range survey.Members {
		if m.Err != nil {
			silent = append(silent, fmt.Sprintf("%s: %v", m.Name, m.Err))
			continue
		}
		if m.ID == survey.Leader {
			leader = append(leader, m.Name)
		}
		if !slices.Contains(versions, m.Version) {
			versions = append(versions, m.Version)
		}
	}
	n := len(survey.Members)
	if !survey.Quorum() {
		return "", fmt.Errorf("%w: %d of %d members answer and agree on no leader (%s)", ErrNoQuorum, n-len(silent), n, strings.Join(silent, "; "))
	}
	members := "members"
	if n == 1 {
		members = "member"
	}
	detail := fmt.Sprintf("%d of %d %s answer, leader %s, etcd %s", n-len(silent), n, members, strings.Join(leader, ""), strings.Join(versions, ", "))
	if len(silent) > 0 {
		detail += "; silent: " + strings.Join(silent, "; ")
	}
	return detail, nil
}
