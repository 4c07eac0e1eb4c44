package hostfile

import (
	"strings"
	"unicode"
)

// Scope is what a command line or a script may refer to.
type Scope struct {
	// Env is the environment, by name.
	Env map[string]Setting
	// Hostname that the commands hostname and uname -n print; "" if it is not known.
	Hostname string
}

// token is a word of a script, or what ends a command: ; & | ( ) or a new line.
type token struct {
	Word
	ends   bool
	quoted bool // a word that had quotes, and so is one even if it is empty
}

// lexer takes a script apart as a shell does. It knows nothing of what commands do.
type lexer struct {
	text       string
	at, line   int
	block      bool
	lookup     func(name string) (value string, known bool)
	hostname   string
	positional []Word // $1 and on
}

// next gives the next token; false: there is none.
func (l *lexer) next() (tokens []token, more bool) {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '\n':
			l.newline()
			return []token{{Word: Word{Line: l.line}, ends: true}}, true
		case c == '\\' && strings.HasPrefix(l.text[l.at+1:], "\n"):
			l.at++
			l.newline()
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case c == '#':
			for l.at < len(l.text) && l.text[l.at] != '\n' {
				l.at++
			}
		case strings.IndexByte(";&|()", c) >= 0:
			if strings.HasPrefix(l.text[l.at:], "&>") {
				l.redirection()
				continue
			}
			l.at++
			return []token{{Word: Word{Line: l.line}, ends: true}}, true
		case c == '<' || c == '>':
			l.redirection()
		default:
			if digits := l.text[l.at:]; c >= '0' && c <= '9' {
				rest := strings.TrimLeft(digits, "0123456789")
				if rest != "" && (rest[0] == '<' || rest[0] == '>') {
					l.at += len(digits) - len(rest)
					l.redirection()
					continue
				}
			}
			return l.word(), true
		}
	}
	return nil, false
}

// newline steps over one.
func (l *lexer) newline() {
	l.at++
	if l.block {
		l.line++
	}
}

// redirection steps over > file, 2>&1 and the like.
func (l *lexer) redirection() {
	l.at = min(len(l.text), l.at+len(l.text[l.at:])-len(strings.TrimLeft(l.text[l.at:], "<>&|-")))
	for l.at < len(l.text) && (l.text[l.at] == ' ' || l.text[l.at] == '\t') {
		l.at++
	}
	if l.at < len(l.text) && strings.IndexByte("\n;&|()", l.text[l.at]) < 0 {
		l.word()
	}
}

// word reads one, which what is put in for variables may make several.
func (l *lexer) word() []token {
	var done []token
	var now strings.Builder
	t := token{Word: Word{Line: l.line}}
	flush := func() {
		if t.Text = now.String(); t.Text != "" || t.quoted {
			done = append(done, t)
		}
		now.Reset()
		t = token{Word: Word{Line: l.line}}
	}
	quote := byte(0)
	for l.at < len(l.text) {
		c := l.text[l.at]
		switch {
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n' || strings.IndexByte(";&|()<>", c) >= 0):
			flush()
			return done
		case quote == '\'' && c != '\'':
			if c == '\n' && l.block {
				l.line++
			}
			now.WriteByte(c)
			l.at++
		case quote != 0 && c == quote:
			quote = 0
			l.at++
		case quote == 0 && (c == '"' || c == '\''):
			quote, t.quoted = c, true
			l.at++
		case c == '\\' && l.at+1 < len(l.text):
			l.at++
			if l.text[l.at] == '\n' {
				l.newline()
				continue
			}
			if quote == '"' && strings.IndexByte("$`\"\\", l.text[l.at]) < 0 {
				now.WriteByte('\\')
			}
			now.WriteByte(l.text[l.at])
			l.at++
		case c == '`' || c == '$':
			l.expand(quote != 0, &now, &t, flush)
		default:
			if c == '\n' && l.block {
				l.line++
			}
			now.WriteByte(c)
			l.at++
		}
	}
	if quote != 0 {
		t.Unresolved = true // it goes on somewhere else
	}
	flush()
	return done
}

// expand puts in what a variable or a command stands for. What is not known stays as it is written, and is marked.
func (l *lexer) expand(quoted bool, now *strings.Builder, t *token, flush func()) {
	written, name := l.reference()
	switch {
	case name == "@" || name == "*":
		t.quoted = false
		for i, w := range l.positional {
			if i > 0 {
				flush()
			}
			now.WriteString(w.Text)
			t.Unresolved, t.quoted, t.Line = t.Unresolved || w.Unresolved, true, w.Line
		}
		return
	case written == "$":
		now.WriteString("$")
		return
	}
	value, known := l.value(name)
	if !known {
		now.WriteString(written)
		t.Unresolved = true
		return
	}
	if quoted {
		now.WriteString(value)
		return
	}
	fields := strings.Fields(value)
	if value != "" && unicode.IsSpace(rune(value[0])) {
		flush()
	}
	for i, field := range fields {
		if i > 0 {
			flush()
		}
		now.WriteString(field)
	}
	if len(fields) > 0 && unicode.IsSpace(rune(value[len(value)-1])) {
		flush()
	}
}

// reference reads $NAME, ${NAME}, $(command) or `command`. name is "(" and the command for the last two.
func (l *lexer) reference() (written, name string) {
	rest, from := l.text[l.at:], l.at
	switch {
	case rest[0] == '`':
		end := strings.IndexByte(rest[1:], '`')
		if end < 0 {
			end = len(rest) - 2
		}
		l.at += end + 2
		name = "(" + strings.TrimSuffix(rest[1:end+2], "`")
	case strings.HasPrefix(rest, "${"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			end = len(rest) - 1
		}
		l.at += end + 1
		name = strings.TrimSuffix(rest[2:end+1], "}")
	case strings.HasPrefix(rest, "$("):
		l.at += closing(rest)
		name = "(" + strings.TrimSuffix(rest[2:l.at-from], ")")
	default:
		end := 1
		for end < len(rest) && (rest[end] == '_' || rest[end] >= '0' && rest[end] <= '9' && end > 1 || unicode.IsLetter(rune(rest[end])) && rest[end] < 0x80) {
			end++
		}
		if end == 1 && len(rest) > 1 && strings.IndexByte("@*#?$!0123456789-", rest[1]) >= 0 {
			end = 2
		}
		l.at += end
		name = rest[1:end]
	}
	return l.text[from:l.at], name
}

// closing is the length of the $( ) that rest begins with.
func closing(rest string) int {
	depth := 0
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(rest)
}

// value of a reference, if files give it.
func (l *lexer) value(name string) (string, bool) {
	if command, is := strings.CutPrefix(name, "("); is {
		short, _, _ := strings.Cut(l.hostname, ".")
		of := map[string]string{"hostname": l.hostname, "uname -n": l.hostname, "cat /etc/hostname": l.hostname, "hostname -s": short}
		value := of[strings.Join(strings.Fields(command), " ")]
		return value, value != ""
	}
	if len(name) == 1 && name[0] >= '1' && name[0] <= '9' {
		if i := int(name[0] - '1'); i < len(l.positional) {
			return l.positional[i].Text, !l.positional[i].Unresolved
		}
		return "", true
	}
	if !envKey.MatchString(name) {
		return "", false // ${NAME:-x} and its kin: the image may set NAME
	}
	if value, known := l.lookup(name); known {
		return value, true
	}
	return l.hostname, name == "HOSTNAME" && l.hostname != ""
}
