package command

import (
	"testing"
	"time"
)

// Of two sessions of two nodes, the later one stays, whatever their clocks say; of two that
// came at once, exactly one.
func TestArrived_WasAfter(t *testing.T) {
	for name, c := range map[string]struct {
		apart time.Duration // the session of b came so much after that of a
		skew  time.Duration // the clock of b is so much ahead
		takes time.Duration // a message
		onA   bool          // the session of a was before that of b, says a
		onB   bool
	}{
		"in turn":                       {apart: time.Minute, onA: true},
		"in turn, the clock is behind":  {apart: time.Minute, skew: -time.Hour, onA: true},
		"in turn, the message is late":  {apart: time.Minute, takes: giveUp, onA: true},
		"at once":                       {onA: true},
		"at once, the clock is behind":  {skew: -time.Hour, onB: true},
		"nearly at once":                {apart: time.Millisecond, onA: true},
		"nearly at once, late messages": {apart: time.Millisecond, takes: time.Second, onA: true},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Unix(1e9, 0)
			a, b := began.UnixNano(), began.Add(c.apart+c.skew).UnixNano()
			// Each is told at once, and heard after takes; b when it has come as well.
			of := Arrived{At: b}
			if got := of.WasAfter(a, "a", "b", began.Add(c.apart+c.takes), giveUp); got != c.onA {
				t.Errorf("a says %v", got)
			}
			of = Arrived{At: a}
			if heard := c.takes - c.apart; heard >= 0 { // otherwise b has no session yet
				if got := of.WasAfter(b, "b", "a", began.Add(c.apart+heard+c.skew), giveUp); got != c.onB {
					t.Errorf("b says %v", got)
				}
			}
		})
	}
}
