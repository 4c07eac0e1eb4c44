package coordination

import "context"

// LeaderOrLast is a Yield for work that another host had better do: the host of the leader lets all others go first, and so does, where there are
// more than two members, the host that did the last run of this job.
func (c *Coordinator) LeaderOrLast(job string) func(ctx context.Context) bool {
	return func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		survey, err := c.Cluster.Survey(ctx)
		if err != nil {
			return false
		}
		if survey.LeaderMember().Local {
			return true
		}
		last, found, err := c.Cluster.LastRun(ctx, job)
		return err == nil && found && last.Host == c.Host && len(survey.Members) > 2
	}
}
