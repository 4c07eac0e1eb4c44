package systemd

import (
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// entry is what the journal was sent.
type entry struct {
	message  string
	priority journal.Priority
	fields   map[string]string
}

func recorder(level slog.Level) (*slog.Logger, *[]entry) {
	var sent []entry
	h := NewJournalHandler(level)
	h.send = func(message string, p journal.Priority, fields map[string]string) error {
		sent = append(sent, entry{message, p, maps.Clone(fields)})
		return nil
	}
	return slog.New(h), &sent
}

func TestJournalFields(t *testing.T) {
	log, sent := recorder(slog.LevelInfo)
	taken := time.Date(2026, 11, 22, 11, 0, 0, 0, time.FixedZone("", 3600))
	log.With("job", "snapshot").WithGroup("etcd").Info("snapshot proven", "snapshot", "20261122T100000Z-7", "revision", int64(7),
		"taken", taken, slog.Group("at", "db-size", 3), "", "nameless", "note", `two "words"`)
	log.Info("snapshot stored", "snapshot", "20261122T100000Z-7", "error", errors.New("line one\nline two"), slog.Attr{}, "empty", "")
	want := []entry{
		{`snapshot proven job=snapshot etcd_snapshot=20261122T100000Z-7 etcd_revision=7 etcd_taken=2026-11-22T10:00:00Z etcd_at_db-size=3 etcd_=nameless etcd_note="two \"words\""`,
			journal.PriInfo, map[string]string{"ETCDWARD_JOB": "snapshot", "ETCDWARD_ETCD_SNAPSHOT": "20261122T100000Z-7", "ETCDWARD_ETCD_REVISION": "7",
				"ETCDWARD_ETCD_TAKEN": "2026-11-22T10:00:00Z", "ETCDWARD_ETCD_AT_DB_SIZE": "3", "ETCDWARD_ETCD": "nameless", "ETCDWARD_ETCD_NOTE": `two "words"`,
				"SYSLOG_IDENTIFIER": "etcdward", "MESSAGE_ID": events["snapshot proven"]}},
		{`snapshot stored snapshot=20261122T100000Z-7 error="line one\nline two" empty=""`,
			journal.PriInfo, map[string]string{"ETCDWARD_SNAPSHOT_ID": "20261122T100000Z-7", "ETCDWARD_ERROR": "line one\nline two", "ETCDWARD_EMPTY": "",
				"SYSLOG_IDENTIFIER": "etcdward", "MESSAGE_ID": events["snapshot stored"]}},
	}
	for i, w := range want {
		got := (*sent)[i]
		if got.message != w.message || got.priority != w.priority || !maps.Equal(got.fields, w.fields) {
			t.Errorf("entry %d:\n got %+v\nwant %+v", i, got, w)
		}
	}
}

// TestJournalHandlersShareNothing checks that attributes of one logger do not show in another.
func TestJournalHandlersShareNothing(t *testing.T) {
	log, sent := recorder(slog.LevelInfo)
	base := log.With("store", "primary")
	base.With("member", "cp-1").Info("one", "extra", 1)
	base.Info("two")
	if got := (*sent)[1]; got.message != "two store=primary" || len(got.fields) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestJournalPriorities(t *testing.T) {
	log, sent := recorder(slog.LevelDebug)
	want := []journal.Priority{journal.PriDebug, journal.PriInfo, journal.PriNotice, journal.PriWarning, journal.PriErr, journal.PriCrit}
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo + 2, slog.LevelWarn, slog.LevelError, slog.LevelError + 4} {
		log.Log(t.Context(), level, "said")
	}
	for i, p := range want {
		if (*sent)[i].priority != p {
			t.Errorf("entry %d has the priority %d, want %d", i, (*sent)[i].priority, p)
		}
	}
	quiet, nothing := recorder(slog.LevelWarn)
	quiet.Info("not said")
	if len(*nothing) != 0 {
		t.Errorf("said below its level: %+v", *nothing)
	}
}

// TestFieldNames holds journald's rules: capitals, digits, underscores, 64 at most.
func TestFieldNames(t *testing.T) {
	for key, want := range map[string]string{
		"size_bytes": "ETCDWARD_SIZE_BYTES", "snapshot": "ETCDWARD_SNAPSHOT_ID", "größe": "ETCDWARD_GR__E", "_x_": "ETCDWARD_X",
		"---": "", strings.Repeat("k", 80): "ETCDWARD_" + strings.Repeat("K", 55),
	} {
		if got := fieldName(key); got != want {
			t.Errorf("%q becomes %q, want %q", key, got, want)
		}
	}
}

func TestJournalThatTakesNothing(t *testing.T) {
	h := NewJournalHandler(slog.LevelInfo)
	full := errors.New("no buffer space")
	h.send = func(string, journal.Priority, map[string]string) error { return full }
	if err := h.Handle(t.Context(), slog.Record{Message: "lost"}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
