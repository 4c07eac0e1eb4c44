package etcd

import "context"

// Peers returns the peer URLs of every member that was ever started, by name. If there is no quorum, the answer is what a member
// that still answers last knew. An error wraps ErrUnreachable or ErrDenied and means that no member answers.
func (c *Cluster) Peers(ctx context.Context) (map[string][]string, error) {
	list, _, err := c.members(ctx)
	if err != nil {
		return nil, err
	}
	peers := map[string][]string{}
	for _, m := range list.Members {
		if m.Name != "" {
			peers[m.Name] = m.PeerURLs
		}
	}
	return peers, nil
}
