// Package verbs answers a command line that cannot be meant: it names the verb that probably was, and shows the help of one. It runs no verb.
//
// Its one invariant: whatever was typed, the answer has a command in it that exists.
package verbs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent/fault"
)

// spoken are words that people use for a verb, and that no distance of letters leads to.
var spoken = map[string]string{
	"backup": "snapshot", "save": "snapshot", "take": "snapshot", "dump": "snapshot", "ls": "list", "get": "fetch", "download": "fetch", "describe": "show",
	"check": "verify", "test": "drill", "rehearse": "drill", "recover": "restore", "rollback": "restore rollback", "apply": "restore apply", "plan": "restore plan",
	"gc": "prune", "clean": "prune", "delete": "prune", "rm": "prune", "defragment": "defrag", "health": "status", "daemon": "run", "start": "run", "init": "setup",
	"install": "setup", "configure": "setup", "validate": "config check",
}

// Known refuses an argument where a verb belongs; use it as the Args of a command that only holds verbs.
func Known(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	path := cmd.CommandPath()
	if meant := meant(cmd, args[0]); meant != "" {
		return fmt.Errorf("unknown command %q for %q; did you mean %s?", args[0], path, meant)
	}
	return fmt.Errorf("unknown command %q for %q; there are: %s", args[0], path, strings.Join(names(cmd), ", "))
}

// meant is the verb that was probably meant, as it is to be typed after etcdward; "": nobody knows.
func meant(cmd *cobra.Command, word string) string {
	word = strings.ToLower(word)
	if !cmd.HasParent() && spoken[word] != "" {
		return spoken[word]
	}
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(word)
	near = slices.DeleteFunc(near, func(name string) bool { return !slices.Contains(names(cmd), name) })
	if word == "" || len(near) == 0 {
		return ""
	}
	if cmd.HasParent() {
		return cmd.Name() + " " + near[0]
	}
	return strings.Join(near, " or ")
}

// names are the verbs that help shows.
func names(cmd *cobra.Command) []string {
	var all []string
	for _, verb := range cmd.Commands() {
		if !verb.Hidden && verb.Name() != "help" && verb.Name() != "completion" {
			all = append(all, verb.Name())
		}
	}
	return all
}

// Help is the verb that shows the help of another one.
func Help() *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Show the help of a verb", Hidden: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return fault.Usage(Known(found, rest))
			}
			return found.Help()
		},
	}
}

// RefuseEmpty refuses a flag of a verb that was given but is empty, as it is after expanding an unset variable in a shell. The verb would
// otherwise act on another snapshot, another time, or everything.
func RefuseEmpty(cmd *cobra.Command) error {
	var refused error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		ours := cmd.Root().PersistentFlags().Lookup(f.Name) == nil // the verb's own
		if ours && f.Value.Type() == "string" && f.Value.String() == "" {
			refused = errors.Join(refused, fmt.Errorf("flag --%s: it is empty", f.Name))
		}
	})
	return refused
}
