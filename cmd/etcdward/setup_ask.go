package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"golang.org/x/term"
)

// interactive says whether there is somebody to ask.
func (s *setup) interactive() bool {
	file, is := s.in.(*os.File)
	return is && !s.yes && term.IsTerminal(int(file.Fd()))
}

// complete sees to it that everything is said that has to be: by the configuration, by flags, or by answers.
func (s *setup) complete(ctx context.Context) error {
	known := s.files.config.parsed
	needName := s.name == "" && known == nil
	needStore := known == nil && s.s3.Bucket == "" && s.gcs.Bucket == "" && s.directory == ""
	if s.interactive() {
		if needName {
			if err := s.askName(ctx); err != nil {
				return err
			}
		}
		if needStore {
			return s.askStore(ctx)
		}
		return nil
	}
	var missing []string
	if needName {
		flag := "--name CLUSTER"
		if s.host.ClusterName != "" {
			flag += " (it is called " + s.host.ClusterName + " here)"
		}
		missing = append(missing, flag)
	}
	if needStore {
		missing = append(missing, "one of --store-s3 BUCKET, --store-gcs BUCKET and --store-directory PATH")
	}
	if s.s3.Bucket != "" && s.s3.Region == "" && s.s3.Endpoint == "" && known == nil {
		missing = append(missing, "--s3-region REGION, or --s3-endpoint URL")
	}
	if !s.yes && !s.dryRun {
		missing = append(missing, "--yes")
	}
	if len(missing) > 0 {
		return fault.Usage(fmt.Errorf("there is nobody to ask, and these flags are missing: %s", strings.Join(missing, "; ")))
	}
	return nil
}

// asker asks on a terminal.
type asker struct {
	lines chan string
	out   io.Writer
}

// newAsker reads lines in the background, so that a question can be left by an interrupt.
func newAsker(in io.Reader, out io.Writer) *asker {
	a := &asker{lines: make(chan string), out: out}
	go func() {
		defer close(a.lines)
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			a.lines <- lines.Text()
		}
	}()
	return a
}

// errNoAnswer means that the input ended with a question open.
var errNoAnswer = errors.New("no answer")

// ask gives the answer; an empty one is the proposal.
func (a *asker) ask(ctx context.Context, question, proposal string) (string, error) {
	if proposal != "" {
		question += " [" + proposal + "]"
	}
	fmt.Fprintf(a.out, "%s: ", question)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line, ok := <-a.lines:
		if !ok {
			return "", errNoAnswer
		}
		if line = strings.TrimSpace(line); line == "" {
			line = proposal
		}
		return line, nil
	}
}

// ask asks on the terminal.
func (s *setup) ask(ctx context.Context, question, proposal string) (string, error) {
	if s.asker == nil {
		s.asker = newAsker(s.in, s.err)
	}
	return s.asker.ask(ctx, question, proposal)
}

func (s *setup) askName(ctx context.Context) (err error) {
	for s.name == "" && err == nil {
		s.name, err = s.ask(ctx, "Name of the cluster, the same on all its hosts (a-z, 0-9 and -)", s.host.ClusterName)
	}
	return err
}

// question is one that askStore asks; an answer that is needed is asked for again.
type question struct {
	text string
	to   *string
	need bool
}

func (s *setup) askStore(ctx context.Context) error {
	kind, err := s.ask(ctx, "Where do backups go: s3, gcs or directory", "s3")
	if err != nil {
		return err
	}
	switch kind {
	case "s3":
		err = s.askAll(ctx, question{"Bucket", &s.s3.Bucket, true}, question{"URL of the server (empty: Amazon's)", &s.s3.Endpoint, false})
		if err == nil {
			err = s.askAll(ctx, question{"Region, such as eu-central-1", &s.s3.Region, s.s3.Endpoint == ""},
				question{"File with its keys (empty: what the host offers)", &s.s3Keys, false})
		}
		// A server of one's own has its buckets in the path, as a rule.
		s.s3.PathStyle = s.s3.PathStyle || s.s3.Endpoint != ""
	case "gcs":
		err = s.askAll(ctx, question{"Bucket", &s.gcs.Bucket, true}, question{"File with the key of a service account (empty: what the host offers)", &s.gcsKeys, false})
	case "directory":
		err = s.askAll(ctx, question{"Folder, such as /mnt/backups", &s.directory, true})
	default:
		return fault.Usage(fmt.Errorf("%q is none of s3, gcs and directory", kind))
	}
	if err != nil || len(s.recipients) > 0 {
		return err
	}
	recipient, err := s.ask(ctx, "Encrypt to this age public key (empty: not encrypted)", "")
	if recipient != "" {
		s.recipients = []string{recipient}
	}
	return err
}

func (s *setup) askAll(ctx context.Context, questions ...question) (err error) {
	for _, q := range questions {
		for *q.to == "" {
			if *q.to, err = s.ask(ctx, q.text, ""); err != nil {
				return err
			}
			if !q.need {
				break
			}
		}
	}
	return nil
}

// unwanted means that the operator saw the changes and did not want them.
type unwanted struct{}

func (unwanted) Error() string { return "not confirmed: nothing was written" }

// Hint implements hinter.
func (unwanted) Hint() string { return "type yes when asked, or repeat with --yes" }

// confirm asks whether the changes are to be made.
func (s *setup) confirm(ctx context.Context) error {
	if !s.interactive() {
		return nil // --yes, or complete would not have let it pass
	}
	answer, err := s.ask(ctx, "Write this? yes or no", "no")
	if err != nil {
		return err
	}
	if answer != "yes" && answer != "y" {
		return unwanted{}
	}
	return nil
}
