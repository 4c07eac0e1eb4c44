// Package screens holds what people see of the program, in windows of three widths, when all is well and when it is not.
package screens

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
	"github.com/etcdward/etcdward/test/screen"
)

// site is a host with one snapshot in its store.
type site struct {
	program.On
	id, folder string
}

// fixedFolder is a new folder whose path has the same length in every run, so that lines with it are wrapped at the same place.
func fixedFolder(t *testing.T) string {
	t.Helper()
	folder := fmt.Sprintf("/tmp/ward%08d", os.Getpid())
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.RemoveAll(folder), os.RemoveAll(folder+".yaml")); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// shows holds a verb to its golden screens.
func (s site) shows(t *testing.T, name string, code int, args ...string) {
	t.Helper()
	masks := []screen.Mask{{What: regexp.MustCompile(regexp.QuoteMeta(s.folder)), By: "/mnt/backups-of-a"}}
	for _, width := range screen.Widths {
		if err := os.RemoveAll(s.folder + ".yaml"); err != nil { // a plan is not overwritten
			t.Fatal(err)
		}
		text, got := screen.Run(t, width, nil, program.Path(), append([]string{"--config", s.Config, "--state-dir", s.State}, args...)...)
		if got != code {
			t.Errorf("%q: exit %d, want %d\n%s", args, got, code, text)
		}
		screen.Golden(t, name, width, text, masks...)
	}
}

func TestScreens(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	folder := fixedFolder(t)
	s := site{folder: folder, On: program.On{Host: host.New(t, c, fmt.Sprintf("stores: [{name: primary, directory: {path: %s}}]", folder))}}
	s.id = s.Snapshot(t).ID
	s.shows(t, "status", 0, "status")
	s.shows(t, "list", 0, "list")
	s.shows(t, "show", 0, "show", s.id)
	s.shows(t, "prune", 0, "prune")
	s.shows(t, "show-none", program.NotFound, "show", "20200101T000000Z-1")
	s.shows(t, "restore-plan", 0, "restore", "plan", s.id, "--output", folder+".yaml")

	t.Run("colours", func(t *testing.T) {
		args := []string{"--config", s.Config, "--state-dir", s.State, "status"}
		if text, _ := screen.Run(t, 80, nil, program.Path(), args...); !strings.HasPrefix(text, "\x1b[32mPROTECTED\x1b[0m") {
			t.Errorf("the verdict has no colour: %q", text)
		}
		for _, without := range []string{"NO_COLOR=1", "TERM=dumb"} {
			if text, _ := screen.Run(t, 80, []string{without}, program.Path(), args...); strings.Contains(text, "\x1b") {
				t.Errorf("with %s it has colours: %q", without, text)
			}
		}
	})
	t.Run("store away", func(t *testing.T) {
		if err := os.Rename(folder, folder+".away"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Rename(folder+".away", folder); err != nil {
				t.Error(err)
			}
		})
		s.shows(t, "status-store-away", program.Findings, "status")
		s.shows(t, "list-store-away", program.Failed, "list")
		s.shows(t, "prune-store-away", program.Failed, "prune")
	})
	t.Run("member away", func(t *testing.T) {
		c.Members[0].Stop()
		s.shows(t, "status-member-away", program.Findings, "status")
		s.shows(t, "list-member-away", 0, "list")
	})
}
