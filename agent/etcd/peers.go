package etcd

import "context"

// Peers gives the peer URLs of every member that was ever started, by the name that a Survey gives it. Without a quorum it is what a member that still answers
// last knew. The error, which wraps ErrUnreachable or ErrDenied, means that none answers.
func (c *Cluster) Peers(ctx context.Context) (map[string][]string, error) {
	list, _, err := c.members(ctx)
	if err != nil {
		return nil, err
	}
	peers := map[string][]string{}
	for _, m := range list.Members {
		switch {
		case m.Name != "":
			peers[m.Name] = m.PeerURLs
		case len(m.ClientURLs) > 0:
			peers[HexID(m.ID)] = m.PeerURLs
		}
	}
	return peers, nil
}
