package manual

import (
	"regexp"
	"strings"
	"time"
)

var configurationRow = regexp.MustCompile("^\\| `([^`]+)` \\| (.*?) ?\\| (.*?) ?\\|$")

// configurationPage is etcdward-config(5), from the paragraphs and the table of keys of its reference.
func configurationPage(reference string, date time.Time) string {
	p := newPage("etcdward-config", 5, date, "configuration of etcdward")
	p.section("DESCRIPTION")
	plain := strings.NewReplacer("`", "", "**", "")
	for _, block := range strings.Split(reference, "\n\n") {
		switch {
		case strings.HasPrefix(block, "# "):
		case strings.HasPrefix(block, "#"):
			p.section(strings.ToUpper(strings.TrimLeft(block, "# ")))
		case strings.HasPrefix(block, "|"):
			p.section("KEYS")
			for _, line := range strings.Split(block, "\n") {
				if row := configurationRow.FindStringSubmatch(line); row != nil {
					p.item(row[1], keyText(plain.Replace(row[2]), plain.Replace(row[3])))
				}
			}
			p.section("NOTES")
		default:
			p.paragraphs(plain.Replace(block))
		}
	}
	seeAlso(p, "etcdward(8)")
	return p.String()
}

// keyText returns what a key means, and its value if the file does not give one.
func keyText(otherwise, meaning string) string {
	switch {
	case otherwise == "required":
		meaning += " Required."
	case otherwise != "":
		meaning += " Default: " + otherwise + "."
	}
	if meaning = strings.TrimSpace(meaning); meaning == "" {
		return "As its name says."
	}
	return meaning
}
