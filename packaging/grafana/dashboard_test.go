// Package grafana tests the dashboard: it can be imported anywhere, and asks only for metrics that exist.
package grafana

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/metrics"
)

// Panel is one panel of a dashboard, as far as the test looks at it.
type Panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ Type, UID string }
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("etcdward.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		ID            *int
		UID, Title    string
		SchemaVersion int
		Panels        []Panel
		Templating    struct{ List []struct{ Name, Type string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.ID != nil || board.UID == "" || board.Title == "" || board.SchemaVersion < 30 || len(board.Templating.List) != 2 {
		t.Errorf("it cannot be imported: %+v", board)
	}
	exported := map[string]bool{"process_resident_memory_bytes": true}
	for _, f := range metrics.All() {
		exported["etcdward_"+f.Name], exported["etcdward_"+f.Name+"_bucket"] = true, true
	}
	ids, cells := map[int]string{}, map[string]string{}
	var rows []string
	for _, p := range board.Panels {
		if ids[p.ID] != "" {
			t.Errorf("%s and %s have the ID %d", ids[p.ID], p.Title, p.ID)
		}
		ids[p.ID] = p.Title
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				cell := fmt.Sprint(x, " ", y)
				if cells[cell] != "" || x >= 24 {
					t.Errorf("%s lies on %q at %s", p.Title, cells[cell], cell)
				}
				cells[cell] = p.Title
			}
		}
		if p.Type == "row" {
			word, _, _ := strings.Cut(p.Title, ":")
			rows = append(rows, word)
			continue
		}
		if p.Title == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %d %q has no title, no query or a data source of its own", p.ID, p.Title)
		}
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`\b(etcdward|process|go)_[a-z0-9_]+`).FindAllString(target.Expr, -1) {
				if !exported[name] {
					t.Errorf("%s asks for %s, which is not exported", p.Title, name)
				}
			}
		}
	}
	if got := strings.Join(rows, ", "); got != "Proof, Stores, Jobs, Members, Disk" {
		t.Errorf("the rows are %s", got)
	}
}
