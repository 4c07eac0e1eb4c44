package manual

import (
	"fmt"
	"strings"
	"time"
)

// page is a man page that is being written.
type page struct{ strings.Builder }

func newPage(name string, section int, date time.Time, title string) *page {
	p := new(page)
	fmt.Fprintf(p, ".TH %s %d %s etcdward\n", quoteRoff(strings.ToUpper(name)), section, quoteRoff(date.Format("2006-01-02")))
	p.section("NAME")
	fmt.Fprintf(p, "%s \\- %s\n", escapeRoff(name), escapeRoff(title))
	return p
}

func (p *page) section(title string) { fmt.Fprintf(p, ".SH %s\n", quoteRoff(title)) }

// paragraphs writes text whose paragraphs are separated by empty lines.
func (p *page) paragraphs(text string) {
	for _, paragraph := range strings.Split(text, "\n\n") {
		p.WriteString(".PP\n")
		for _, line := range strings.Split(strings.TrimSpace(paragraph), "\n") {
			p.WriteString(escapeRoff(line) + "\n")
		}
	}
}

func (p *page) item(term, text string) {
	fmt.Fprintf(p, ".TP\n.B %s\n%s\n", quoteRoff(term), escapeRoff(text))
}

// escapeRoff escapes text, so that roff does not read it as a request or an escape.
func escapeRoff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

func quoteRoff(text string) string {
	return `"` + strings.ReplaceAll(escapeRoff(text), `"`, `\(dq`) + `"`
}
