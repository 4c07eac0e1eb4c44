package version

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]Version{
		"3.6.16": {3, 6, 16}, "v3.6.16": {3, 6, 16}, "3.6": {3, 6, 0}, "3.4.23+dfsg-1": {3, 4, 23}, "3.7.0-rc.1": {3, 7, 0}, "3.10.2": {3, 10, 2},
		"4.0.0": {4, 0, 0},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) is %v, error %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "3", "3.", "3.x.1", "3.6.1.2", "not known", "-3.6", "3.-6", "3.6.99999999999", "vv3.6", "3..6", " 3.6"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) is %v, want an error", text, got)
		}
	}
}

func TestCompare(t *testing.T) {
	inOrder := []Version{{}, {3, 4, 38}, {3, 5, 0}, {3, 5, 23}, {3, 6, 0}, {3, 10, 0}, {4, 0, 0}}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if a.Older(b) != (i < j) {
				t.Errorf("%v older than %v is %t", a, b, a.Older(b))
			}
		}
	}
	if got := (Version{3, 6, 16}).Release(); got != (Version{3, 6, 0}) {
		t.Errorf("the release is %v", got)
	}
}

func TestMinorOf(t *testing.T) {
	for text, want := range map[string]int{"3.6.16": 6, "3.6.0": 6, "3.5": 5, "": 0, "4.2.0": 0, "x": 0} {
		if got := MinorOf(text); got != want {
			t.Errorf("MinorOf(%q) is %d, want %d", text, got, want)
		}
	}
}
