package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"

	"github.com/etcdward/etcdward/agent/fault"
	"go.yaml.in/yaml/v4"
)

// ErrEdited means that the plan is not the one that was written: its hash does not fit. Members that go by
// different plans make a cluster that diverges, so that nothing was done.
var ErrEdited = errors.New("the plan was changed after it was made")

// maxPlanBytes bounds a plan file.
const maxPlanBytes = 1 << 20

// head is for people who open the file.
const head = `# A restore plan of etcdward. Copy it as it is to every host that it names; it must be the same on all of them.
# Do not edit it: apply refuses a plan that was. Make a new one instead.
`

// Encode is the plan as a file.
func (p Plan) Encode() ([]byte, error) {
	body, err := yaml.Dump(p)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return append([]byte(head), body...), nil
}

// Load reads a plan and holds it to its hash. An error says that nothing of the file may be used; one that wraps
// ErrEdited, that it was a plan once.
func Load(path string) (Plan, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Plan{}, fault.WithHint(fmt.Errorf("read plan: %w", err), "etcdward restore plan writes one, on one host; copy it from there")
	}
	if err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxPlanBytes+1))
	if err != nil {
		return Plan{}, fmt.Errorf("read plan %s: %w", path, err)
	}
	return decodePlan(path, body)
}

// decodePlan is Load on the bytes; name stands for the file in errors.
func decodePlan(name string, body []byte) (p Plan, err error) {
	// The library reports its own contradictions by panicking, and the file may come from anybody.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: read yaml: %v", name, r)
		}
	}()
	const wayOut = "copy the file again from the host that made it, or make a new one with etcdward restore plan"
	if len(body) > maxPlanBytes {
		return Plan{}, fmt.Errorf("%s: larger than %d bytes: no plan", name, maxPlanBytes)
	}
	if err := yaml.Load(bytes.TrimSpace(body), &p, yaml.WithKnownFields()); err != nil {
		return Plan{}, fault.WithHint(placed(name, err), wayOut)
	}
	if p.sum() != p.SHA256 {
		return Plan{}, fault.WithHint(fmt.Errorf("%s: %w: it says SHA-256 %.16s…, its content has %.16s…", name, ErrEdited, p.SHA256, p.sum()), wayOut)
	}
	if err := p.validate(); err != nil {
		return Plan{}, fault.WithHint(fmt.Errorf("%s: %w", name, err), wayOut)
	}
	return p, nil
}

// placed gives an error of the yaml library a file and a line for each mistake.
func placed(name string, err error) error {
	var many *yaml.LoadErrors
	if !errors.As(err, &many) {
		return fmt.Errorf("%s: %w", name, err)
	}
	var all error
	for _, e := range many.Errors {
		all = errors.Join(all, fmt.Errorf("%s:%d:%d: %s", name, e.Mark.Line, e.Mark.Column, plainWords(e.Message)))
	}
	return all
}

// typeName is how the yaml library names the Go type that it was filling.
var typeName = regexp.MustCompile(`field (\S+) not found in type \S+`)

// plainWords takes the names of Go types out of an error of the yaml library.
func plainWords(s string) string { return typeName.ReplaceAllString(s, "unknown key $1") }

// Save writes the plan to a file that must not exist, and makes it last: another plan would be another cluster.
func (p Plan) Save(path string) error {
	text, err := p.Encode()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: another plan would be another cluster; remove it, or give another --output", path, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// Name of the snapshot for people: by ID and store, or by file.
func (s Source) Name() string {
	if s.ID == "" {
		return s.File
	}
	return s.ID + " in " + s.Store
}
