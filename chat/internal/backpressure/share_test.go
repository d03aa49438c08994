package backpressure

import "testing"

// However few or many holders take as much as they get, something is left for the next
// one, and all of it is there again once they have given it back.
func TestShare_LeavesSomethingForOthers(t *testing.T) {
	for greedy, least := range map[int]int{1: 500, 2: 333, 10: 90, 100: 9, 900: 1} {
		var s Share[int]
		got := map[int]int{}
		for more := true; more; {
			more = false
			for who := range greedy {
				if s.Take(1000, who, 1) {
					got[who]++
					more = true
				}
			}
		}
		for who := range greedy {
			if got[who] < least || got[who] > 500 {
				t.Errorf("one of %d has %d", greedy, got[who])
			}
		}
		if !s.Take(1000, -1, 1) {
			t.Errorf("%d holders have left nothing", greedy)
		}
		s.GiveBack(-1, 1)
		for who, n := range got {
			s.GiveBack(who, n)
		}
		if s.taken != 0 || len(s.holders) != 0 {
			t.Errorf("%d are taken, by %d holders", s.taken, len(s.holders))
		}
	}
	var s Share[string]
	if s.Take(10, "ann", 11) || !s.Take(10, "ann", 10) {
		t.Error("more than there is can be taken, or not all of it at once")
	}
}
