package hostfile

import (
	"regexp"
	"strings"
)

// Directive is one line of a unit of systemd.
type Directive struct {
	Section, Name, Value string
	File                 string
	Line                 int
}

// ParseUnit reads a unit of systemd, or a drop-in. What is no directive is passed over, as systemd does.
func ParseUnit(file string, text []byte) []Directive {
	var all []Directive
	section := ""
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		at, line := i+1, strings.TrimSpace(lines[i])
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			next := strings.TrimSpace(lines[i])
			if strings.HasPrefix(next, "#") || strings.HasPrefix(next, ";") {
				continue // a comment within does not end what goes on
			}
			line = strings.TrimSpace(strings.TrimSuffix(line, `\`)) + " " + next
		}
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			if name, value, is := strings.Cut(line, "="); is {
				all = append(all, Directive{Section: section, Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), File: file, Line: at})
			}
		}
	}
	return all
}

// Words of a directive as systemd splits them: quotes are taken off, and what is $NAME or %H stays as it is written.
func (d Directive) Words() []Word {
	var words []Word
	var now strings.Builder
	quote, open := byte(0), false
	for i := 0; i < len(d.Value); i++ {
		c := d.Value[i]
		switch {
		case c == '\\' && i+1 < len(d.Value):
			i++
			now.WriteByte(d.Value[i])
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if open {
				words = append(words, Word{Text: now.String(), Line: d.Line})
			}
			now.Reset()
			open = false
		default:
			now.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, Word{Text: now.String(), Line: d.Line})
	}
	return words
}

var unitVariable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$\$`)

// Expand puts the environment and the specifiers into the words of a command line, as systemd does: $NAME as a word of its own becomes as many
// words as it has, ${NAME} a part of one, and what is not set nothing.
func Expand(words []Word, env map[string]Setting, specifiers *strings.Replacer) []Word {
	var all []Word
	for _, w := range words {
		name, whole := strings.CutPrefix(w.Text, "$")
		if whole && envKey.MatchString(name) {
			for field := range strings.FieldsSeq(strings.NewReplacer(`"`, "", `'`, "").Replace(env[name].Value)) {
				all = append(all, Word{Text: field, Line: w.Line})
			}
			continue
		}
		text := specifiers.Replace(w.Text)
		text = unitVariable.ReplaceAllStringFunc(text, func(ref string) string {
			if ref == "$$" {
				return "$"
			}
			return env[strings.Trim(ref, "${}")].Value
		})
		all = append(all, Word{Text: text, Line: w.Line})
	}
	return all
}
