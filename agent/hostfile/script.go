package hostfile

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// script is a run of a shell's script, as far as it can be followed without running it.
type script struct {
	*reader
	lexer
	vars       map[string]Setting // of the shell, those of the environment among them
	exported   map[string]bool
	everything bool // set -a: what is assigned is exported
	unseen     []string
	depth      int
}

// keywords of a shell, behind which a command may stand.
var keywords = []string{"then", "do", "else", "elif", "if", "while", "until", "{", "!", "time", "}", "fi", "done", "esac"}

// script reads each command of a script, whatever the conditions that it stands under.
func (r *reader) script(text Word, positional []Word, env map[string]Setting, unseen []string, depth int) {
	if text.Unresolved && strings.HasPrefix(text.Text, "$(") && !strings.Contains(text.Text, " ") {
		r.unread = append(r.unread, at(text, "%s", Clip(text.Text)))
		return
	}
	s := &script{reader: r, vars: maps.Clone(env), exported: map[string]bool{}, unseen: slices.Clone(unseen), depth: depth}
	for name := range env {
		s.exported[name] = true
	}
	s.lexer = lexer{text: text.Text, line: text.Line, block: text.Block, hostname: r.hostname, positional: positional,
		lookup: func(name string) (string, bool) {
			v, known := s.vars[name]
			return v.Value, known && !v.Unresolved
		}}
	var words []Word
	for {
		tokens, more := s.next()
		for _, t := range tokens {
			if !t.ends {
				words = append(words, t.Word)
				continue
			}
			s.simple(words)
			words = nil
		}
		if !more {
			s.simple(words)
			return
		}
	}
}

// environment of what the script starts.
func (s *script) environment() map[string]Setting {
	env := map[string]Setting{}
	for name, v := range s.vars {
		if s.exported[name] {
			env[name] = v
		}
	}
	return env
}

// simple follows one command.
func (s *script) simple(words []Word) {
	for len(words) > 0 && slices.Contains(keywords, words[0].Text) {
		words = words[1:]
	}
	if len(words) == 0 || s.assignments(words) {
		return
	}
	switch first := words[0].Text; first {
	case "export", "readonly", "declare", "typeset", "local":
		s.declare(words)
	case "unset":
		for _, w := range words[1:] {
			delete(s.vars, w.Text)
		}
	case "set":
		s.set(words[1:])
	case ".", "source":
		name := "a file"
		if len(words) > 1 {
			name = words[1].Text
		}
		s.unseen = append(s.unseen, at(words[0], "what %s sets", Clip(name)))
	case "eval":
		var joined []string
		for _, w := range words[1:] {
			joined = append(joined, w.Text)
		}
		if s.depth < maxDepth && len(joined) > 0 {
			s.reader.script(Word{Text: strings.Join(joined, " "), Line: words[0].Line}, s.positional, s.environment(), s.unseen, s.depth+1)
		}
	case "exec", "command", "builtin":
		rest := words[1:]
		for len(rest) > 0 && strings.HasPrefix(rest[0].Text, "-") {
			if rest[0].Text == "-a" && len(rest) > 1 {
				rest = rest[1:]
			}
			rest = rest[1:]
		}
		s.run(rest)
	default:
		s.run(words)
	}
}

// harmless are commands that start nothing else.
var harmless = []string{"[", "[[", ":", "cat", "cd", "chmod", "chown", "cp", "cut", "date", "dig", "echo", "exit", "false", "for", "getent", "grep", "head", "hostname", "in",
	"ip", "kill", "ln", "ls", "mkdir", "mv", "nslookup", "printf", "pwd", "read", "return", "rm", "sed", "shift", "sleep", "sort", "sync", "tail", "tee", "test", "touch", "tr",
	"trap", "true", "ulimit", "umask", "uname", "wait", "sysctl", "mount", "curl", "wget", "openssl", "tar", "find", "awk", "case", "select", "function", "logger", "stat", "etcdctl", "etcdutl"}

// run reads a command that is no builtin which sets anything.
func (s *script) run(words []Word) {
	if len(words) == 0 || slices.Contains(harmless, path.Base(words[0].Text)) || strings.HasSuffix(words[0].Text, "()") {
		return
	}
	s.reader.command(words, s.environment(), s.unseen, s.depth)
}

// assignments takes NAME=value words without a command.
func (s *script) assignments(words []Word) bool {
	for _, w := range words {
		name, _, is := strings.Cut(w.Text, "=")
		if !is || !envKey.MatchString(name) {
			return false
		}
	}
	for _, w := range words {
		s.assign(w)
	}
	return true
}

func (s *script) assign(w Word) string {
	name, value, given := strings.Cut(w.Text, "=")
	if given && envKey.MatchString(name) {
		s.vars[name] = Setting{Name: name, Value: value, Line: w.Line, Unresolved: w.Unresolved}
		if s.everything {
			s.exported[name] = true
		}
	}
	return name
}

// declare follows export NAME=value and its kin.
func (s *script) declare(words []Word) {
	exports := words[0].Text == "export"
	for _, w := range words[1:] {
		switch {
		case strings.HasPrefix(w.Text, "-"):
			exports = exports || strings.Contains(w.Text, "x")
		case w.Unresolved && !strings.Contains(w.Text, "=") || strings.HasPrefix(w.Text, "$("):
			s.unseen = append(s.unseen, at(w, "what %s sets", Clip(w.Text)))
		default:
			if name := s.assign(w); exports {
				s.exported[name] = true
			}
		}
	}
}

// set follows set -a, and set -- which gives the script other arguments.
func (s *script) set(words []Word) {
	for i, w := range words {
		switch {
		case w.Text == "--":
			s.positional = words[i+1:]
			return
		case w.Text == "-o" || w.Text == "+o":
			s.everything = s.everything || i+1 < len(words) && words[i+1].Text == "allexport"
		case len(w.Text) > 1 && (w.Text[0] == '-' || w.Text[0] == '+'):
			if strings.Contains(w.Text, "a") {
				s.everything = w.Text[0] == '-'
			}
		default:
			if i == 0 || !strings.HasSuffix(words[i-1].Text, "o") {
				s.positional = words[i:]
				return
			}
		}
	}
}
