package manual

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPages are the pages of section 8, by file name: one for the program, one for each verb.
func manPages(root *cobra.Command, date time.Time) map[string]string {
	main := newPage("etcdward", 8, date, root.Short)
	main.section("SYNOPSIS")
	main.paragraphs("etcdward VERB [FLAGS]")
	main.section("DESCRIPTION")
	main.paragraphs(root.Long)
	main.section("VERBS")
	pages := map[string]string{}
	for _, verb := range root.Commands() {
		if verb.Hidden || verb.Name() == "help" || verb.Name() == "completion" {
			continue
		}
		main.item("etcdward "+verb.Name(), verb.Short+": see etcdward-"+verb.Name()+"(8).")
		pages["etcdward-"+verb.Name()+".8"] = verbPage(verb, date)
	}
	main.section("OPTIONS")
	options(main, root.PersistentFlags())
	main.section("EXIT STATUS")
	for _, code := range [][2]string{{"0", "ok"}, {"1", "failed"}, {"3", "done, with findings"}, {"4", "no such snapshot"},
		{"64", "the command line cannot be understood"}, {"78", "the configuration cannot be used"}, {"130", "interrupted"}} {
		main.item(code[0], code[1])
	}
	main.section("SIGNALS")
	for _, s := range [][2]string{{"SIGHUP", "the daemon reads its configuration again; systemctl reload sends it"},
		{"SIGUSR1", "the daemon ends when no run is under way, and systemd starts it again; upgrades, and renewed certificates and keys, send it"},
		{"SIGTERM", "the daemon ends; a run under way is cut off, and repeated at the next start"},
		{"SIGTERM or SIGINT again", "the process ends at once, also if a share that hangs holds it"}} {
		main.item(s[0], s[1])
	}
	main.section("FILES")
	for _, f := range [][2]string{{"/etc/etcdward/config.yaml", "the configuration: etcdward-config(5)"},
		{"/etc/default/etcdward, /etc/sysconfig/etcdward", "environment of the daemon, such as HTTPS_PROXY; optional"},
		{"/var/lib/etcdward", "snapshots in the making, snapshots that wait for a store, when jobs last ran"}} {
		main.item(f[0], f[1])
	}
	seeAlso(main, "etcdward-config(5), systemctl(1), journalctl(1)")
	pages["etcdward.8"] = main.String()
	return pages
}

func verbPage(verb *cobra.Command, date time.Time) string {
	p := newPage("etcdward-"+verb.Name(), 8, date, verb.Short)
	p.section("SYNOPSIS")
	lines := []string{verb.UseLine()}
	if verb.HasSubCommands() {
		lines = nil
		for _, sub := range verb.Commands() {
			lines = append(lines, sub.UseLine())
		}
	}
	p.paragraphs(strings.Join(lines, "\n\n"))
	p.section("DESCRIPTION")
	if verb.Long == "" && !verb.HasSubCommands() {
		p.paragraphs(verb.Short + ".")
	}
	if verb.Long != "" {
		p.paragraphs(verb.Long)
	}
	for _, sub := range verb.Commands() {
		text := sub.Long
		if text == "" {
			text = sub.Short
		}
		p.item(sub.Name(), strings.ReplaceAll(text, "\n", " "))
	}
	p.section("OPTIONS")
	options(p, verb.NonInheritedFlags())
	p.paragraphs("And those of every verb: etcdward(8).")
	seeAlso(p, "etcdward(8), etcdward-config(5)")
	return p.String()
}

func options(p *page, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		term := "--" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		kind, text := pflag.UnquoteUsage(f)
		if kind != "" {
			term += " " + strings.ToUpper(kind)
		}
		p.item(term, text)
	})
}

func seeAlso(p *page, pages string) {
	p.section("SEE ALSO")
	p.paragraphs(pages)
}
