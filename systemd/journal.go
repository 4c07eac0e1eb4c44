package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// UnderJournal reports whether stderr is connected to the journal.
func UnderJournal() bool {
	ours, err := journal.StderrIsJournalStream()
	return err == nil && ours && journal.Enabled()
}

// prefix distinguishes our fields from the journal's own.
const prefix = "ETCDWARD_"

// renamed holds the attributes whose field is not simply the key in upper case.
var renamed = map[string]string{"snapshot": "SNAPSHOT_ID"}

// JournalHandler is a [slog.Handler] that writes to the journal. Each attribute becomes a field ETCDWARD_KEY, each
// known message gets its MESSAGE_ID, and the text that journalctl shows has the message and its attributes in one
// line.
type JournalHandler struct {
	level  slog.Leveler
	send   func(message string, priority journal.Priority, fields map[string]string) error
	fields map[string]string // of WithAttrs
	text   string            // the same attributes in the form in which they are shown
	group  string            // "" or "name_"
}

// NewJournalHandler makes a handler for records of this level and above.
func NewJournalHandler(level slog.Leveler) *JournalHandler {
	return &JournalHandler{level: level, send: journal.Send}
}

// Enabled implements [slog.Handler].
func (h *JournalHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements [slog.Handler]. An error means that the journal did not take the record; it is lost.
func (h *JournalHandler) Handle(_ context.Context, r slog.Record) error {
	line := h.with(attributes(r))
	fields := line.fields
	fields["SYSLOG_IDENTIFIER"] = "etcdward"
	if id, known := events[r.Message]; known {
		fields["MESSAGE_ID"] = id
	}
	if err := h.send(r.Message+line.text, priority(r.Level), fields); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func attributes(r slog.Record) []slog.Attr {
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
	return attrs
}

// WithAttrs implements [slog.Handler].
func (h *JournalHandler) WithAttrs(attrs []slog.Attr) slog.Handler { return h.with(attrs) }

// WithGroup implements [slog.Handler].
func (h *JournalHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.group += name + "_"
	return &next
}

// with returns a handler with more attributes, which shares no map with h.
func (h *JournalHandler) with(attrs []slog.Attr) *JournalHandler {
	next := *h
	next.fields = maps.Clone(h.fields)
	if next.fields == nil {
		next.fields = make(map[string]string)
	}
	var text strings.Builder
	text.WriteString(h.text)
	for _, a := range attrs {
		next.add(&text, h.group, a)
	}
	next.text = text.String()
	return &next
}

func (h *JournalHandler) add(text *strings.Builder, group string, a slog.Attr) {
	value := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "_"
		}
		for _, inner := range value.Group() {
			h.add(text, group, inner)
		}
		return
	}
	said := shown(value)
	if name := fieldName(group + a.Key); name != "" {
		h.fields[name] = said
	}
	if strings.ContainsAny(said, " \"=\n\t") || said == "" {
		said = strconv.Quote(said)
	}
	fmt.Fprintf(text, " %s%s=%s", group, a.Key, said)
}

func shown(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().UTC().Format(time.RFC3339)
	}
	return v.String()
}

// longestField is the longest name of a field that journald accepts.
const longestField = 64

// fieldName returns the name of the field for an attribute; "" if its key has no character that a field name
// may contain.
func fieldName(key string) string {
	if name, ok := renamed[key]; ok {
		return prefix + name
	}
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, key), "_")
	if name == "" {
		return ""
	}
	name = prefix + name
	return name[:min(len(name), longestField)]
}

// priority is what journalctl -p and log shippers filter by: err needs somebody now, warning will soon, notice is
// worth knowing, and info is normal operation.
func priority(level slog.Level) journal.Priority {
	switch {
	case level > slog.LevelError:
		return journal.PriCrit
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level > slog.LevelInfo:
		return journal.PriNotice
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
