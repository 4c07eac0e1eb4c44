package verbs

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// tree is a small command line.
func tree() (root, restore *cobra.Command) {
	run := func(*cobra.Command, []string) {}
	root = &cobra.Command{Use: "etcdward", Args: Known, Run: run}
	restore = &cobra.Command{Use: "restore", Args: Known, Run: run}
	for _, name := range []string{"plan", "apply", "rollback"} {
		restore.AddCommand(&cobra.Command{Use: name, Run: run})
	}
	for _, name := range []string{"snapshot", "status", "list", "show", "verify", "drill", "prune"} {
		root.AddCommand(&cobra.Command{Use: name, Run: run})
	}
	root.AddCommand(restore, &cobra.Command{Use: "internal", Hidden: true, Run: run})
	root.SetHelpCommand(Help())
	return root, restore
}

// TestKnown holds what is said to words that are no verbs.
func TestKnown(t *testing.T) {
	root, restore := tree()
	for _, test := range []struct {
		cmd        *cobra.Command
		word, says string
	}{
		{root, "snapshoot", "did you mean snapshot?"},
		{root, "SNAPSHOT", "did you mean snapshot?"},
		{root, "backup", "did you mean snapshot?"},
		{root, "stauts", "did you mean status?"},
		{root, "lsit", "did you mean list?"},
		{root, "rm", "did you mean prune?"},
		{root, "aply", "there are: "},
		{root, "apply", "did you mean restore apply?"},
		{root, "intrnal", "there are: "},
		{root, "", "there are: "},
		{restore, "aply", "did you mean restore apply?"},
		{restore, "rolback", "did you mean restore rollback?"},
		{restore, "xyzzy", "there are: apply, plan, rollback"},
	} {
		err := Known(test.cmd, []string{test.word})
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "internal") {
			t.Errorf("%s: got %v, want %q", test.word, err, test.says)
		}
	}
	if err := Known(root, nil); err != nil {
		t.Error(err)
	}
}

// TestHelp shows the help of a verb, of one below it, and names the right verb for a wrong one.
func TestHelp(t *testing.T) {
	for words, want := range map[string]string{"": "etcdward [command]", "list": "etcdward list", "restore apply": "etcdward restore apply", "lst": "did you mean list?", "restore aply": "did you mean restore apply?"} {
		root, _ := tree()
		var out strings.Builder
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(append([]string{"help"}, strings.Fields(words)...))
		err := root.Execute()
		if wrong := strings.Contains(want, "mean"); wrong != (err != nil) || !strings.Contains(out.String(), want) {
			t.Errorf("help %s: %v\n%s", words, err, out.String())
		}
	}
}
