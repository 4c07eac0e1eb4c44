package snapshot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// The buckets and keys from which a restored cluster takes more than its data (server/storage/schema).
var (
	bucketAuth       = []byte("auth")
	authEnabled      = []byte("authEnabled")
	clusterDowngrade = []byte("downgrade")
)

// OriginMember is a member of the cluster that a file came from, as etcd had it on record.
type OriginMember struct {
	Name     string   `json:"name"`
	PeerURLs []string `json:"peer_urls"`
	Learner  bool     `json:"learner"`
}

// maxOriginMembers bounds what is read of a file that anybody may have made.
const maxOriginMembers = 100

// readOrigin takes what the file says of its cluster, beside its data. What cannot be read of members and of a downgrade is left out: etcd makes
// them anew.
func readOrigin(tx *bolt.Tx) (o Origin, err error) {
	cluster := tx.Bucket(bucketCluster)
	if v := cluster.Get(metaClusterVersion); versionForm.Match(v) {
		o.ClusterVersion = string(v)
	}
	if o.Alarms, err = alarms(tx.Bucket(bucketAlarm)); err != nil {
		return o, err
	}
	var downgrade struct {
		Target  string `json:"target-version"`
		Enabled bool   `json:"enabled"`
	}
	if text := cluster.Get(clusterDowngrade); text != nil && json.Unmarshal(text, &downgrade) == nil && downgrade.Enabled && versionForm.MatchString(downgrade.Target) {
		o.Downgrade = downgrade.Target
	}
	if auth := tx.Bucket(bucketAuth); auth != nil {
		on := auth.Get(authEnabled)
		o.AuthEnabled = len(on) == 1 && on[0] == 1
	}
	o.Members = originMembers(tx.Bucket(bucketMembers))
	return o, nil
}

// originMembers reads the bucket that has a member as JSON under each key.
func originMembers(bucket *bolt.Bucket) []OriginMember {
	var all []OriginMember
	_ = bucket.ForEach(func(_, text []byte) error {
		var m struct {
			Name     string   `json:"name"`
			PeerURLs []string `json:"peerURLs"`
			Learner  bool     `json:"isLearner"`
		}
		if len(all) < maxOriginMembers && json.Unmarshal(text, &m) == nil {
			all = append(all, OriginMember{Name: m.Name, PeerURLs: m.PeerURLs, Learner: m.Learner})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b OriginMember) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Learners are the names of the members that did not vote.
func (o Origin) Learners() []string {
	var names []string
	for _, m := range o.Members {
		if m.Learner {
			names = append(names, fmt.Sprintf("%.70q", m.Name))
		}
	}
	return names
}

// brings begins the part of a check's detail that names what a restored cluster takes over.
const brings = "; a restore brings along: "

// Brings names what a restored cluster takes over from the file beside its data, or begins without; "": nothing.
func (o Origin) Brings() string {
	var all []string
	for _, alarm := range o.Alarms {
		all = append(all, "the alarm "+alarm)
	}
	if o.Downgrade != "" {
		all = append(all, "a downgrade to "+o.Downgrade)
	}
	if o.AuthEnabled {
		all = append(all, "authentication")
	}
	if learners := o.Learners(); len(learners) > 0 {
		all = append(all, "no learner ("+strings.Join(learners, ", ")+")")
	}
	return strings.Join(all, ", ")
}

// BroughtAlong is what Brings said when the checks of a manifest were made; "": nothing, or an etcdward of old made them.
func BroughtAlong(checks []Check) string {
	for _, c := range checks {
		if _, named, is := strings.Cut(c.Detail, brings); is && c.Name == CheckPages {
			return named
		}
	}
	return ""
}

// appendix is what Brings adds to a check's detail.
func (o Origin) appendix() string {
	if named := o.Brings(); named != "" {
		return brings + named
	}
	return ""
}
