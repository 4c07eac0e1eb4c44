package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestMarks(t *testing.T) {
	cause := fmt.Errorf("read it: %w", fs.ErrNotExist)
	for _, c := range []struct {
		name                    string
		err                     error
		usage, config, reported bool
		hint                    string
	}{
		{"plain", cause, false, false, false, ""},
		{"usage", Usage(cause), true, false, false, usageHint},
		{"configuration", Config(cause), false, true, false, ""},
		{"reported", Reported(cause), false, false, true, ""},
		{"hinted", WithHint(cause, "make it"), false, false, false, "make it"},
		{"a hint beats the one of usage", WithHint(Usage(cause), "leave it out"), true, false, false, "leave it out"},
		{"wrapped and marked twice", Reported(fmt.Errorf("verb: %w", Config(cause))), false, true, true, ""},
		{"joined", errors.Join(errors.New("other"), Config(cause)), false, true, false, ""},
		{"reported beside a mark", errors.Join(Reported(errors.New("other")), Usage(cause)), true, false, true, usageHint},
	} {
		if got := IsUsage(c.err); got != c.usage {
			t.Errorf("%s: usage is %t", c.name, got)
		}
		if got := IsConfig(c.err); got != c.config {
			t.Errorf("%s: config is %t", c.name, got)
		}
		if got := IsReported(c.err); got != c.reported {
			t.Errorf("%s: reported is %t", c.name, got)
		}
		if got := Hint(c.err); got != c.hint {
			t.Errorf("%s: the hint is %q, want %q", c.name, got, c.hint)
		}
		if !errors.Is(c.err, fs.ErrNotExist) {
			t.Errorf("%s: the cause is lost", c.name)
		}
	}
	if got := Usage(cause).Error(); got != cause.Error() {
		t.Errorf("the text became %q", got)
	}
}

// TestNothingStaysNothing checks that marking a nil error gives nil.
func TestNothingStaysNothing(t *testing.T) {
	for name, err := range map[string]error{"Usage": Usage(nil), "Config": Config(nil), "Reported": Reported(nil), "WithHint": WithHint(nil, "x")} {
		if err != nil {
			t.Errorf("%s(nil) is %v", name, err)
		}
	}
}
