package ballot

import (
	"strings"
	"testing"
)

// votesOf reads "m1=a m2=b".
func votesOf(text string) []Vote {
	var votes []Vote
	for _, word := range strings.Fields(text) {
		member, data, _ := strings.Cut(word, "=")
		votes = append(votes, Vote{member, data})
	}
	return votes
}

func TestMajority(t *testing.T) {
	for _, test := range []struct {
		name     string
		votes    string
		voters   int
		majority string // members; "": none
		odd      string
	}{
		{"nobody", "", 3, "", ""},
		{"all alike", "m1=a m2=a m3=a", 3, "m1, m2, m3", ""},
		{"one odd", "m1=a m2=b m3=a", 3, "m1, m3", "m2"},
		{"the first is odd", "m1=b m2=a m3=a", 3, "m2, m3", "m1"},
		{"all differ", "m1=a m2=b m3=c", 3, "", ""},
		{"two members differ", "m1=a m2=b", 2, "", ""},
		{"one of three is away, two differ", "m1=a m2=b", 3, "", ""},
		{"one of three is away, two agree", "m1=a m2=a", 3, "m1, m2", ""},
		{"five, two odd in the same way", "m1=a m2=b m3=a m4=b m5=a", 5, "m1, m3, m5", "m2 m4"},
		{"five, two odd each in its own way", "m1=a m2=b m3=a m4=c m5=a", 5, "m1, m3, m5", "m2 m4"},
		{"five, two odd, one away", "m1=a m2=b m3=a m4=b", 5, "", ""},
		{"five, two wrong alike outvote nobody while two are away", "m1=b m2=b m3=a", 5, "", ""},
		{"four, half of them", "m1=a m2=a m3=b m4=b", 4, "", ""},
		{"more votes than voters, as while the members change", "m1=a m2=a m3=b m4=b", 3, "", ""},
		{"single", "m1=a", 1, "m1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			majority, odd, found := Majority(votesOf(test.votes), test.voters)
			var names []string
			for _, v := range odd {
				names = append(names, v.Member)
			}
			if found != (test.majority != "") || majority.String() != test.majority || strings.Join(names, " ") != test.odd {
				t.Errorf("majority %q (found %t), odd %q", majority, found, names)
			}
		})
	}
}

func TestParties(t *testing.T) {
	var got []string
	for _, p := range Parties(votesOf("m1=b m2=a m3=c m4=a")) {
		got = append(got, p.Data+": "+p.String())
	}
	if text := strings.Join(got, "; "); text != "a: m2, m4; b: m1; c: m3" {
		t.Errorf("got %s", text)
	}
}
