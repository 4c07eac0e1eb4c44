// Package view shows to people, on a screen, what the rooms of the agent return. It decides nothing.
package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// Status shows a status. An error means that it could not be written.
func Status(out io.Writer, s status.Status, now time.Time) error {
	screen := terminal.NewScreen(out)
	screen.Line(string(s.Verdict), restorable(s, now))
	screen.Say("Cluster: ", strings.TrimSpace(s.Cluster.Name+" "+s.Cluster.ID))
	screen.Say("Agent on this host: ", agentOf(s.Agent, now))
	if s.AtWork != "" {
		screen.Say("At work: ", s.AtWork)
	}
	for i, step := range s.Plan {
		screen.Say(fmt.Sprintf("%3d. ", i+1), step.Reason)
		if step.Do != "" {
			screen.Say("     Do: ", step.Do)
		}
	}
	tables(screen, s, now)
	return screen.Err()
}

// tables shows the members, the stores and the jobs.
func tables(screen terminal.Screen, s status.Status, now time.Time) {
	if len(s.Members) > 0 {
		rows := [][]string{{"MEMBER", "ROLE", "HEALTHY", "VERSION", "DB SIZE", "IN USE", "REVISION", "ALARMS"}}
		for _, m := range s.Members {
			rows = append(rows, []string{m.Name, m.Role, terminal.YesNo(m.Healthy), m.Version, terminal.Bytes(m.DBSizeBytes),
				terminal.Share(m.DBInUseBytes, m.DBSizeBytes), fmt.Sprint(m.Revision), strings.Join(m.Alarms, " ")})
		}
		screen.Gap()
		screen.Table(rows)
	}
	rows := [][]string{{"STORE", "KIND", "SNAPSHOTS", "NEWEST PROVEN (AGE)", "WAITING"}}
	for _, st := range s.Stores {
		count, newest := fmt.Sprint(st.Snapshots), terminal.When(st.LastSuccess, now)
		if st.Error != "" {
			count = "not known"
		}
		rows = append(rows, []string{st.Name, st.Kind, count, newest, fmt.Sprint(st.Spooled)})
	}
	screen.Gap()
	screen.Table(rows)
	rows = [][]string{{"JOB", "OUTCOME", "ENDED (AGE)", "NEXT"}}
	for _, j := range s.Jobs {
		rows = append(rows, []string{j.Name, outcomeOf(j), terminal.When(j.LastEnded, now), terminal.NextOf(j.Next, s.Agent.Running, now)})
	}
	if len(rows) > 1 {
		screen.Gap()
		screen.Table(rows)
	}
}

func outcomeOf(j status.Job) string {
	switch {
	case j.LastEnded == nil:
		return "never"
	case j.OK:
		return "ok"
	}
	return "FAILED"
}

// restorable says to what the cluster can be restored, and how that is known.
func restorable(s status.Status, now time.Time) string {
	p := s.LastProven
	switch {
	case p == nil && s.Proof == status.ProofNone:
		return "restorable to nothing: no proven snapshot"
	case p == nil:
		return "restorable to: not known"
	}
	text := fmt.Sprintf("restorable to %s (%s ago), %s, level %d of 5, store %s", terminal.Time(p.TakenAt), terminal.Age(now.Sub(p.TakenAt)), p.ID, p.Level, p.Store)
	if s.Proof == status.ProofLastKnown {
		text += fmt.Sprintf(", last seen %s ago", terminal.Age(now.Sub(p.SeenAt)))
	}
	return text
}

func agentOf(a status.Agent, now time.Time) string {
	switch {
	case a.Running == nil:
		return "not known: " + a.Error
	case !*a.Running:
		return "none runs; systemctl start etcdward"
	}
	text := fmt.Sprintf("runs since %s (%s), version %s", terminal.Time(*a.Since), terminal.Age(now.Sub(*a.Since)), a.Version)
	if a.Version != a.Binary {
		text += ", and this program is " + a.Binary + "; systemctl restart etcdward"
	}
	return text
}
