package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/extract"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// printExtraction prints what was written; what is not whole is exit 3.
func (cli *cli) printExtraction(source fetch.Plain, output string, o extract.Outcome) error {
	var print error
	if cli.json() {
		print = cli.printJSON(struct {
			ID       string `json:"id,omitempty"`
			File     string `json:"file,omitempty"`
			Revision int64  `json:"revision"`
			Output   string `json:"output"`
			Index    string `json:"index"`
			extract.Outcome
		}{source.ID, source.File, source.Facts.Revision, output, filepath.Join(output, extract.IndexName), o})
	} else {
		rows := [][]string{{"KIND", "API VERSION", "OBJECTS"}}
		for _, k := range o.Kinds {
			kind, apiVersion := "(not readable)", "-"
			if k.Kind != "" {
				kind, apiVersion = terminal.Word(k.Kind), terminal.Word(k.APIVersion)
			}
			rows = append(rows, []string{kind, apiVersion, fmt.Sprint(k.Objects)})
		}
		print = terminal.Table(cli.out, rows)
		for _, line := range o.Remarks() {
			cli.talk("%s", terminal.LineError{Err: errors.New(line)}.Error())
		}
	}
	if o.Whole() {
		return print
	}
	return errors.Join(print, fault.Reported(fmt.Errorf("extract: %w", agent.ErrPartial)))
}

// fetchError is an error of fetch.Fetcher, which names itself, with the verb that was given.
type fetchError struct{ error }

func (f fetchError) Unwrap() error { return f.error }

func (f fetchError) Error() string {
	if rest, ok := strings.CutPrefix(f.error.Error(), "fetch"); ok {
		return "extract" + rest
	}
	return f.error.Error()
}
