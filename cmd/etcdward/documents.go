package main

import (
	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/cmd/etcdward/manual"
)

// documentsCommand writes the documents that the packages ship beside the binary, from the binary's own verbs
// and flags.
func documentsCommand() *cobra.Command {
	var directory, configuration string
	cmd := &cobra.Command{
		Use:    "documents",
		Hidden: true,
		Short:  "Write man pages, completions and the schema of the configuration",
		Args:   usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return manual.Write(cmd.Root(), directory, configuration)
		},
	}
	cmd.Flags().StringVar(&directory, "directory", "", "existing folder to write to")
	cmd.Flags().StringVar(&configuration, "configuration", "docs/configuration.md", "the text of etcdward-config(5)")
	_ = cmd.MarkFlagRequired("directory") // the flag was made above
	return cmd
}
