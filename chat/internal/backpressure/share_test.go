package backpressure

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

func user(i int) access.Person { return access.Person{User: fmt.Sprint(i)} }

// However few or many holders take as much as they get, something is left for the next
// one, and all of it is there again once they have given it back.
func TestShare_LeavesSomethingForOthers(t *testing.T) {
	for greedy, least := range map[int]int{1: 500, 2: 267, 10: 69, 100: 8, 900: 1} {
		var s Share
		got := map[int]int{}
		for more := true; more; {
			more = false
			for who := range greedy {
				if s.Take(1000, user(who), 1) {
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
		if !s.Take(1000, user(-1), 1) {
			t.Errorf("%d holders have left nothing", greedy)
		}
		s.GiveBack(user(-1), 1)
		for who, n := range got {
			s.GiveBack(user(who), n)
		}
		if s.held.taken != 0 || len(s.held.persons)+len(s.held.networks) != 0 {
			t.Errorf("%d are taken, by %d holders", s.held.taken, len(s.held.persons))
		}
	}
	var s Share
	if s.Take(10, user(1), 6) || !s.Take(10, user(1), 5) {
		t.Error("more than half can be taken, or not half of it at once")
	}
}
