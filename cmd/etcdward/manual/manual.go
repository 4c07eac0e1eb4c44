// Package manual writes the documents that the packages ship beside the binary: man pages, completions and the schema of the
// configuration.
//
// It takes the verbs and flags from the root command, and knows none of them itself.
package manual

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/config"
)

// Write writes every document into a folder that exists. configuration is the file with the text of etcdward-config(5). The
// same binary and SOURCE_DATE_EPOCH give the same bytes.
func Write(root *cobra.Command, directory, configuration string) error {
	date, err := sourceDate()
	if err != nil {
		return err
	}
	reference, err := os.ReadFile(configuration)
	if err != nil {
		return fmt.Errorf("read configuration reference: %w", err)
	}
	files := manPages(root, date)
	files["etcdward-config.5"] = configurationPage(string(reference), date)
	files["config.schema.json"] = string(config.Schema())
	for name, generate := range map[string]func(*bytes.Buffer) error{
		"etcdward.bash": func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) },
		"_etcdward":     func(b *bytes.Buffer) error { return root.GenZshCompletion(b) },
		"etcdward.fish": func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) },
	} {
		var b bytes.Buffer
		if err := generate(&b); err != nil {
			return fmt.Errorf("generate %s: %w", name, err)
		}
		files[name] = b.String()
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write document: %w", err)
		}
	}
	return nil
}

// sourceDate is the date that is printed in the documents.
func sourceDate() (time.Time, error) {
	text := cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), "0")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read SOURCE_DATE_EPOCH: %q is no number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
