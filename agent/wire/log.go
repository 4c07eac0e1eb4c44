package wire

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/systemd"
)

// NewLogger makes the log that the configuration asks for. auto means the journal if w is connected to it, and
// text otherwise.
func NewLogger(w io.Writer, c config.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	switch {
	case c.Format == "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case c.Format == "journal", c.Format == "auto" && systemd.UnderJournal():
		return slog.New(systemd.NewJournalHandler(level)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}
