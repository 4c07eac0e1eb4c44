package hostfile

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Command is one start of a program.
type Command struct {
	// Args are the words behind the program.
	Args []Word
	// Env is its environment.
	Env map[string]Setting
	// Unseen are what may tell the program more, and cannot be read; with their places.
	Unseen []string
}

// Settings that the command gives, with those of its environment whose names begin with a prefix.
func (c Command) Settings(file, prefix string) Settings {
	return Settings{File: file, Of: Flags(c.Args), Unseen: c.Unseen}.WithEnvironment(prefix, c.Env)
}

// wrappers start the program that is named behind their own words, and tell it nothing more.
var wrappers = []string{"busybox", "capsh", "catatonit", "cgexec", "chroot", "chrt", "cpulimit", "doas", "dumb-init", "env", "exec", "go-runner", "gosu", "hyperkube",
	"ionice", "kube-log-runner", "log-runner", "nice", "nohup", "nsenter", "numactl", "pidproxy", "prlimit", "runuser", "s6-setuidgid", "setarch", "setpriv", "setsid",
	"setuidgid", "stdbuf", "strace", "su", "su-exec", "sudo", "systemd-cat", "taskset", "time", "timeout", "tini", "unshare"}

// shells take a script with -c.
var shells = []string{"sh", "bash", "ash", "dash", "ksh", "zsh", "mksh", "su", "runuser"}

// maxDepth bounds shells within shells.
const maxDepth = 8

// Commands finds the starts of a program in a command line: directly, by wrappers, by shells. unread says what was met that starts
// something else, which cannot be read: a script of its own, an unknown program.
func Commands(words []Word, program string, scope Scope) (found []Command, unread []string) {
	r := &reader{program: program, hostname: scope.Hostname}
	env := maps.Clone(scope.Env)
	if env == nil {
		env = map[string]Setting{}
	}
	r.command(words, env, nil, 0)
	return r.found, r.unread
}

// reader looks for one program.
type reader struct {
	program, hostname string
	found             []Command
	unread            []string
}

// at names a place in the file.
func at(w Word, format string, args ...any) string {
	return fmt.Sprintf("line %d: ", w.Line) + fmt.Sprintf(format, args...)
}

// command reads one simple command.
func (r *reader) command(words []Word, env map[string]Setting, unseen []string, depth int) {
	env = maps.Clone(env)
	for len(words) > 0 && depth < maxDepth {
		name, value, assigns := strings.Cut(words[0].Text, "=")
		base := path.Base(words[0].Text)
		switch {
		case assigns && envKey.MatchString(name):
			env[name] = Setting{Name: name, Value: value, Line: words[0].Line, Unresolved: words[0].Unresolved}
			words = words[1:]
		case base == r.program:
			r.start(words[1:], env, unseen)
			return
		case slices.Contains(shells, base) && r.shell(words, env, unseen, depth):
			return
		case base == "env":
			words = environment(words[1:], env)
		case slices.Contains(wrappers, base):
			next := slices.IndexFunc(words[1:], func(w Word) bool {
				b := path.Base(w.Text)
				return b == r.program || slices.Contains(shells, b) || slices.Contains(wrappers, b)
			})
			if next < 0 {
				return
			}
			words = words[1+next:]
		default:
			r.unknown(words, env, unseen)
			return
		}
	}
}

// start notes a start of the program. One that only prints something is none.
func (r *reader) start(args []Word, env map[string]Setting, unseen []string) {
	for _, w := range args {
		if slices.Contains([]string{"--version", "-version", "--help", "-help", "-h"}, w.Text) {
			return
		}
	}
	for _, w := range args {
		if w.Unresolved && !strings.HasPrefix(w.Text, "-") && !strings.Contains(w.Text, "=") && strings.HasPrefix(w.Text, "$") {
			unseen = append(slices.Clone(unseen), at(w, "%s", Clip(w.Text)))
		}
	}
	r.found = append(r.found, Command{Args: args, Env: env, Unseen: unseen})
}

// unknown handles a program that is not known. If the wanted program is among its words, it may start that one, and tell it more.
func (r *reader) unknown(words []Word, env map[string]Setting, unseen []string) {
	for i := 1; i < len(words); i++ {
		before := words[i-1].Text
		if path.Base(words[i].Text) == r.program && !strings.HasPrefix(words[i].Text, "-") && (!strings.HasPrefix(before, "-") || before == "--" || strings.Contains(before, "=")) {
			r.start(words[i+1:], env, append(slices.Clone(unseen), at(words[0], "what %s adds", Clip(words[0].Text))))
			return
		}
	}
	r.unread = append(r.unread, at(words[0], "%s", Clip(words[0].Text)))
}

// environment reads the words of env: what it sets, and the command behind.
func environment(words []Word, env map[string]Setting) []Word {
	for len(words) > 0 {
		switch w := words[0].Text; {
		case w == "-i" || w == "-" || w == "--ignore-environment":
			clear(env)
		case (w == "-u" || w == "-C" || w == "--unset" || w == "--chdir") && len(words) > 1:
			if w == "-u" || w == "--unset" {
				delete(env, words[1].Text)
			}
			words = words[1:]
		case strings.HasPrefix(w, "-"):
		default:
			return words // the assignments are read by the caller
		}
		words = words[1:]
	}
	return nil
}

// shell reads the script of a shell; false: it has none, as su without -c.
func (r *reader) shell(words []Word, env map[string]Setting, unseen []string, depth int) bool {
	script, rest := -1, 1
	for rest < len(words) {
		w := words[rest].Text
		if len(w) < 2 || w[0] != '-' && w[0] != '+' {
			if base := path.Base(words[0].Text); (base == "su" || base == "runuser") && script < 0 {
				rest++ // the user
				continue
			}
			break
		}
		rest++
		switch {
		case w == "--command" || strings.HasPrefix(w, "--command="):
			script = rest
		case w == "--rcfile" || w == "--init-file":
			rest++
		case strings.HasPrefix(w, "--"):
		default:
			if strings.ContainsAny(w[1:], "oO") {
				rest++
			}
			if w[0] == '-' && strings.Contains(w[1:], "c") {
				script = rest
			}
		}
	}
	switch base := path.Base(words[0].Text); {
	case script >= 0 && rest < len(words):
		var positional []Word
		if rest+2 <= len(words) {
			positional = words[min(rest+2, len(words)):]
		}
		r.script(words[rest], positional, env, unseen, depth+1)
	case base == "su" || base == "runuser":
		return script >= 0
	case rest < len(words):
		r.unread = append(r.unread, at(words[rest], "the script %s", Clip(words[rest].Text)))
	}
	return true
}
