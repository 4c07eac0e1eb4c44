package hostfile

import (
	"strings"
	"testing"
)

// words of a command line: one for each line of text.
func wordsOf(lines ...string) []Word {
	var all []Word
	for _, line := range lines {
		all = append(all, Word{Text: line, Line: 7, Block: strings.Contains(line, "\n")})
	}
	return all
}

// TestCommands finds what a program was told, however it is started.
func TestCommands(t *testing.T) {
	env := map[string]Setting{"NODE": {Value: "cp-1"}, "OPTS": {Value: "--name=x --data-dir /d"}, "SECRET": {Value: "s", Unresolved: true}}
	for name, c := range map[string]struct {
		words []Word
		want  string // "name=value;" of the flags, in the order name, data-dir, listen-client-urls; ! marks an unresolved one
	}{
		"plain":                           {wordsOf("etcd", "--name=a"), "a,,"},
		"a path":                          {wordsOf("/usr/local/bin/etcd", "--name", "a", "--data-dir", "/d"), "a,/d,"},
		"sh -c":                           {wordsOf("/bin/sh", "-c", "exec etcd --name=a"), "a,,"},
		"sh -ec":                          {wordsOf("/bin/sh", "-ec", "etcd --name=a"), "a,,"},
		"bash -lc":                        {wordsOf("bash", "-lc", "etcd --name=a"), "a,,"},
		"bash -l -c":                      {wordsOf("bash", "-l", "-c", "etcd --name=a"), "a,,"},
		"bash -euo pipefail -c":           {wordsOf("bash", "-euo", "pipefail", "-c", "etcd --name=a"), "a,,"},
		"bash -c with options behind it":  {wordsOf("bash", "-ceuo", "pipefail", "etcd --name=a"), "a,,"},
		"bash --norc -c":                  {wordsOf("bash", "--norc", "-c", "etcd --name=a"), "a,,"},
		"several steps":                   {wordsOf("sh", "-c", "set -e\nmkdir -p /d\necho etcd starts # etcd --name=no\nexec etcd \\\n  --name=a \\\n  --data-dir=/d\n"), "a,/d,"},
		"and, or":                         {wordsOf("sh", "-c", "ulimit -n 65536 && umask 077; sleep 1 || true; exec etcd --name=a"), "a,,"},
		"a pipe":                          {wordsOf("sh", "-c", "etcd --name=a 2>&1 | tee -a /var/log/etcd.log"), "a,,"},
		"redirections":                    {wordsOf("sh", "-c", "exec etcd --name=a >>/var/log/etcd.log 2>&1 </dev/null"), "a,,"},
		"quotes":                          {wordsOf("sh", "-c", `exec etcd --name="a" '--data-dir=/d e' --listen-client-urls "http://x:1"`), "a,/d e,http://x:1"},
		"a condition":                     {wordsOf("sh", "-c", "if [ -d /d ]; then exec etcd --name=a; fi"), "a,,"},
		"a loop":                          {wordsOf("sh", "-c", "while true; do etcd --name=a; sleep 1; done"), "a,,"},
		"its version first":               {wordsOf("sh", "-c", "etcd --version; exec etcd --name=a"), "a,,"},
		"a variable of the environment":   {wordsOf("sh", "-c", "exec etcd --name=$NODE --data-dir=\"${NODE}/d\""), "cp-1,cp-1/d,"},
		"a variable of the script":        {wordsOf("sh", "-c", "D=/srv/$NODE; exec etcd --name=a --data-dir=$D"), "a,/srv/cp-1,"},
		"several words in a variable":     {wordsOf("sh", "-c", "exec etcd $OPTS"), "x,/d,"},
		"a variable of nobody":            {wordsOf("sh", "-c", "exec etcd --name=$OTHER"), "$OTHER!,,"},
		"a variable that is not known":    {wordsOf("sh", "-c", "exec etcd --name=$SECRET"), "$SECRET!,,"},
		"a default":                       {wordsOf("sh", "-c", "exec etcd --name=${OTHER:-a}"), "${OTHER:-a}!,,"},
		"the host's name":                 {wordsOf("sh", "-c", "exec etcd --name=$(hostname -s) --data-dir=/`hostname`/$HOSTNAME"), "n1,/n1.example/n1.example,"},
		"the output of a command":         {wordsOf("sh", "-c", "exec etcd --name=$(cat /etc/name | tr -d x)"), "$(cat /etc/name | tr -d x)!,,"},
		"the arguments":                   {wordsOf("sh", "-c", `exec etcd --name=a "$@"`, "--", "--data-dir=/d"), "a,/d,"},
		"the arguments, set":              {wordsOf("sh", "-c", `set -- --name=a --data-dir=/d; exec etcd "$@"`), "a,/d,"},
		"exported":                        {wordsOf("sh", "-c", "export ETCD_NAME=a ETCD_DATA_DIR=/d\nexec etcd"), "a,/d,"},
		"not exported":                    {wordsOf("sh", "-c", "ETCD_NAME=a; exec etcd --data-dir=/d"), ",/d,"},
		"all exported":                    {wordsOf("sh", "-c", "set -a; ETCD_NAME=a; set +a; exec etcd --data-dir=/d"), "a,/d,"},
		"before the command":              {wordsOf("sh", "-c", "ETCD_NAME=a exec etcd --data-dir=/d"), "a,/d,"},
		"eval":                            {wordsOf("sh", "-c", `eval "exec etcd --name=a"`), "a,,"},
		"a shell in a shell":              {wordsOf("sh", "-c", `exec bash -c 'etcd --name=a'`), "a,,"},
		"env":                             {wordsOf("/usr/bin/env", "-u", "X", "ETCD_NAME=a", "etcd", "--data-dir=/d"), "a,/d,"},
		"nice, ionice":                    {wordsOf("nice", "-n", "-19", "ionice", "-c2", "-n0", "etcd", "--name=a"), "a,,"},
		"tini":                            {wordsOf("/sbin/tini", "--", "etcd", "--name=a"), "a,,"},
		"a log runner":                    {wordsOf("/go-runner", "--log-file=/var/log/etcd.log", "--also-stdout", "/usr/local/bin/etcd", "--name=a"), "a,,"},
		"su":                              {wordsOf("su", "etcd", "-c", "etcd --name=a"), "a,,"},
		"su-exec":                         {wordsOf("su-exec", "etcd:etcd", "etcd", "--name=a"), "a,,"},
		"a wrapper that nobody knows":     {wordsOf("/opt/start", "etcd", "--name=a"), "a,, unseen what /opt/start adds"},
		"a file of variables":             {wordsOf("sh", "-c", ". /etc/etcd.env; exec etcd --name=a"), "a,, unseen what /etc/etcd.env sets"},
		"exported from a file":            {wordsOf("sh", "-c", "export $(cat /etc/etcd.env); exec etcd --name=a"), "a,, unseen what $(cat /etc/etcd.env) sets"},
		"flags of nobody":                 {wordsOf("sh", "-c", "exec etcd --name=a $MORE"), "a,, unseen $MORE"},
		"two of them":                     {wordsOf("sh", "-c", "if true; then etcd --name=a; else etcd --name=b; fi"), "2 found"},
		"none":                            {wordsOf("sh", "-c", "echo etcd; sleep 1"), "0 found"},
		"a script":                        {wordsOf("sh", "/start.sh", "etcd"), "0 found unread the script /start.sh"},
		"another program":                 {wordsOf("/usr/local/bin/run-etcd", "--name=a"), "0 found unread /usr/local/bin/run-etcd"},
		"a program that watches it":       {wordsOf("monitor", "--target", "etcd"), "0 found unread monitor"},
		"a quote that is left open":       {wordsOf("sh", "-c", `exec etcd --name="a`), "a!,,"},
		"an end in the middle":            {wordsOf("sh", "-c", "exec etcd --name=$(hostname"), "n1.example,,"},
		"nothing":                         {nil, "0 found"},
		"a variable in curly braces, cut": {wordsOf("sh", "-c", "exec etcd --name=${NODE"), "cp-1,,"},
	} {
		t.Run(name, func(t *testing.T) {
			found, unread := Commands(c.words, "etcd", Scope{Env: env, Hostname: "n1.example"})
			got := describe(found, unread)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// describe puts what was found into a line.
func describe(found []Command, unread []string) string {
	var b strings.Builder
	if len(found) != 1 {
		b.WriteString([]string{"0", "", "2"}[len(found)] + " found")
	} else {
		s := found[0].Settings("file", "ETCD_")
		for i, name := range []string{"name", "data-dir", "listen-client-urls"} {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(s.Get(name))
			if s.Of[name].Unresolved {
				b.WriteByte('!')
			}
		}
		for _, u := range found[0].Unseen {
			_, what, _ := strings.Cut(u, ": ")
			b.WriteString(" unseen " + what)
		}
	}
	for _, u := range unread {
		_, what, _ := strings.Cut(u, ": ")
		b.WriteString(" unread " + what)
	}
	return b.String()
}

// TestScriptLines holds that a word in a block of text knows its line.
func TestScriptLines(t *testing.T) {
	found, _ := Commands(wordsOf("sh", "-c", "set -e\n# why\nexec etcd \\\n  --name=a\n"), "etcd", Scope{})
	if len(found) != 1 || found[0].Args[0].Line != 10 {
		t.Errorf("got %+v", found)
	}
}

// TestUnits reads units of systemd as systemd does.
func TestUnits(t *testing.T) {
	text := "# a comment\n[Unit]\nDescription=x\n[Service]\nEnvironment=A=1 \"B=two words\"\nExecStart=/usr/bin/etcd \\\n  # in between\n  --name=%H \\\n    '--data-dir' \\\n    ${D} $OPTS \"$$x\"\nnonsense\n"
	var exec, environment Directive
	for _, d := range ParseUnit("u", []byte(text)) {
		switch d.Name {
		case "ExecStart":
			exec = d
		case "Environment":
			environment = d
		}
	}
	if exec.Section != "Service" || exec.Line != 6 || len(environment.Words()) != 2 || environment.Words()[1].Text != "B=two words" {
		t.Errorf("got %+v %+v", exec, environment)
	}
	env := map[string]Setting{"D": {Value: "/srv/a b"}, "OPTS": {Value: "--x --y=1"}}
	var got []string
	for _, w := range Expand(exec.Words(), env, strings.NewReplacer("%H", "h1")) {
		got = append(got, w.Text)
	}
	if want := "/usr/bin/etcd|--name=h1|--data-dir|/srv/a b|--x|--y=1|$x"; strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

// FuzzCommands holds that no script makes it panic or hang.
func FuzzCommands(f *testing.F) {
	for _, s := range []string{"exec etcd --name=$(a", "`", "${", "$((1+2))", "\"$@\" '", "a=1 && b", "etcd \\", "2>&1 >", "eval \"eval \\\"etcd\\\"\"", "$", "&>", "9>", "\xff$\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		Commands([]Word{{Text: "sh"}, {Text: "-c"}, {Text: script, Line: 1, Block: true}, {Text: "x"}, {Text: "--y"}}, "etcd", Scope{Hostname: "h"})
	})
}
