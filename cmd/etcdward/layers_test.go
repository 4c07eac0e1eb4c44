package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/etcdward/etcdward/"

// layers is the import map: what each room may import of ours. Tests are free.
var layers = map[string][]string{
	"storage":                 {},
	"storage/directory":       {"storage"},
	"storage/s3":              {"storage"},
	"storage/gcs":             {"storage"},
	"storage/storagetest":     {"storage", "test/port"},
	"schedule":                {},
	"systemd":                 {},
	"agent/etcd":              {},
	"agent/child":             {},
	"agent/snapshot":          {"agent/child"},
	"agent/seal":              {},
	"agent/staging":           {},
	"agent/retention":         {},
	"agent/status":            {},
	"agent/drill":             {"agent/child"},
	"agent/hostfile":          {},
	"agent/staticpod":         {"agent/hostfile"},
	"agent/discover/endpoint": {},
	"agent/discover/unit":     {"agent/hostfile"},
	"agent/discover":          {"agent/discover/endpoint", "agent/discover/unit", "agent/hostfile", "agent/staticpod"},
	"agent/discover/amend":    {},
	"agent/extract":           {"agent/snapshot"},
	"agent/config":            {"schedule"},
	"agent/spool":             {"agent/snapshot", "agent/staging"},
	"agent/catalog":           {"agent/snapshot", "agent/seal", "storage"},
	"agent/defrag":            {"agent/etcd"},
	"agent/fault":             {},
	"agent/restore/plan":      {"agent/fault", "agent/snapshot"},
	"agent/restore/probe":     {},
	"agent/restore/place":     {"agent/fault", "agent/restore/plan", "agent/restore/probe"},
	"agent/restore/kubeadm":   {"agent/fault", "agent/hostfile", "agent/restore/place", "agent/restore/plan", "agent/restore/probe", "agent/staticpod"},
	"agent/restore": {"agent/child", "agent/drill", "agent/fault", "agent/restore/kubeadm", "agent/restore/place", "agent/restore/plan",
		"agent/restore/probe", "agent/snapshot"},
	"agent/restore/source": {"agent", "agent/catalog", "agent/etcd", "agent/fault", "agent/restore/kubeadm", "agent/restore/plan", "agent/restore/probe", "agent/seal",
		"agent/snapshot", "agent/staging"},
	"agent": {"agent/catalog", "agent/defrag", "agent/etcd", "agent/retention", "agent/seal", "agent/snapshot", "agent/spool", "agent/staging",
		"storage"},
}

// owners name the only rooms that may import a library of weight.
var owners = map[string][]string{
	"go.etcd.io/etcd/client/v3":     {"agent/etcd"},
	"go.etcd.io/etcd/server/v3":     {"agent/drill"},
	"go.etcd.io/etcd/etcdutl/v3":    {"agent/restore"},
	"go.etcd.io/bbolt":              {"agent/snapshot"},
	"filippo.io/age":                {"agent/seal"},
	"github.com/klauspost/compress": {"agent/seal"},
	"github.com/aws":                {"storage/s3"},
	"cloud.google.com/go":           {"storage/gcs"},
	"go.yaml.in/yaml":               {"agent/config", "agent/discover/amend", "agent/extract", "agent/hostfile", "agent/restore/plan"},
	"sigs.k8s.io/yaml":              {"agent/extract"},
	"k8s.io":                        {}, // its tests alone: agent/extract has a text in place of the types, which would weigh on the daemon
	"github.com/robfig/cron":        {"schedule"},
	"github.com/coreos/go-systemd":  {"systemd"},
	"github.com/spf13/cobra":        {"cmd/etcdward"},
}

// forbidden are names that say nothing of what is in a room.
var forbidden = []string{"util", "utils", "common", "types", "helpers", "errors", "misc"}

func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(room, "test/") || room == "packaging" || strings.HasPrefix(room, "packaging/") {
			continue
		}
		if slices.Contains(forbidden, p.Name) {
			t.Errorf("%s: a package called %s", room, p.Name)
		}
		allowed, known := layers[room]
		if !known && room != "cmd/etcdward" {
			t.Errorf("%s: not on the import map; draw it in, here and in .golangci.yml", room)
		}
		for _, path := range p.Imports {
			ours, isOurs := strings.CutPrefix(path, module)
			if isOurs && known && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the map does not allow", room, ours)
			}
			if isOurs && room != "storage/storagetest" && (ours == "storage/storagetest" || strings.HasPrefix(ours, "test/")) {
				t.Errorf("%s imports %s, which is for tests", room, ours)
			}
			for library, rooms := range owners {
				if (path == library || strings.HasPrefix(path, library+"/")) && !slices.Contains(rooms, room) && room != "storage/storagetest" {
					t.Errorf("%s imports %s, which is for %v alone", room, path, rooms)
				}
			}
		}
	}
}

// listedPackage is what `go list` says of one.
type listedPackage struct {
	ImportPath, Name string
	Imports          []string
}

func packages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listedPackage
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
