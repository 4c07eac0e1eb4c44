package place

import (
	"errors"
	"testing"
)

// TestMoves carries out every decision from every state that a kill can leave, forward and backward, with exchange and
// without, on paper.
func TestMoves(t *testing.T) {
	a, b := Identity{1, 10}, Identity{1, 20} // as it was, and restored
	states := map[string]scene{
		"before":             {live: a, fresh: b},
		"exchanged":          {live: b, fresh: a},
		"done":               {live: b, old: a},
		"moved away":         {old: a, fresh: b},
		"back, not yet away": {live: a, old: b},
		"back":               {live: a, undone: b},
		"taken out":          {old: a, undone: b},
	}
	for name, start := range states {
		for _, exchange := range []bool{true, false} {
			for _, way := range []string{"forward", "backward"} {
				if way == "forward" && start.find(b) != live && start.find(b) != fresh || way == "forward" && start.find(a) == live && start.find(b) == old {
					continue // a rollback had begun: apply does not go on
				}
				s := scene{}
				for k, v := range start {
					s[k] = v
				}
				decide, want := Forward, b
				if way == "backward" {
					decide, want = Backward, a
				}
				j := Journal{Old: a, New: b}
				moves := 0
				for ; moves < 5; moves++ {
					next, err := decide(j, s, exchange)
					if err != nil {
						t.Fatalf("%s, %s, exchange %t: %v at %v", name, way, exchange, err, s)
					}
					if len(next) == 0 {
						break
					}
					m := next[0]
					if m.exchange {
						s[m.from], s[m.to] = s[m.to], s[m.from]
						continue
					}
					if s[m.to] != (Identity{}) {
						t.Fatalf("%s, %s: %v onto %v", name, way, m, s)
					}
					s[m.to] = s[m.from]
					delete(s, m.from)
				}
				if s[live] != want || s.find(a) == nowhere || s.find(b) == nowhere {
					t.Errorf("%s, %s, exchange %t: after %d moves %v", name, way, exchange, moves, s)
				}
			}
		}
	}
}

// TestLost holds that nothing is moved where a stranger stands.
func TestLost(t *testing.T) {
	a, b, c := Identity{1, 10}, Identity{1, 20}, Identity{1, 30}
	j := Journal{Old: a, New: b}
	for _, s := range []scene{{live: c, fresh: b}, {live: c, fresh: b, old: a}, {live: a}, {}} {
		if next, err := Forward(j, s, true); !errors.Is(err, ErrLost) {
			t.Errorf("forward %v: %v %v", s, next, err)
		}
	}
	for _, s := range []scene{{live: c, old: a}, {live: b}, {}} {
		if next, err := Backward(j, s, true); !errors.Is(err, ErrLost) {
			t.Errorf("backward %v: %v %v", s, next, err)
		}
	}
}
