package access

import (
	"net/netip"
	"testing"
	"time"
)

// What is refused takes nothing, and what is cancelled is given back.
func TestLimiter_RefusedOrCancelled_TakesNothing(t *testing.T) {
	one, many := Rate{1, 1}, Rate{1000, 1000}
	for name, bytes := range map[string]Rate{"frames": many, "bytes": {1, 10}} {
		var l Limiter
		if wait := l.Reserve(one, bytes, 0, 10, 0); wait != 0 {
			t.Errorf("%s: the first waits %v", name, wait)
		}
		for range 5 {
			if wait := l.Reserve(one, bytes, 0, 10, 0); wait <= 0 {
				t.Errorf("%s: the second does not wait", name)
			}
		}
		l.Cancel(one, bytes, 10)
		if !l.isFull(0) {
			t.Errorf("%s: something is missing", name)
		}
	}
	var l Limiter
	l.Reserve(one, many, 0, 1, 0)
	if wait := l.Reserve(one, many, 0, 1, time.Hour); wait != time.Second {
		t.Errorf("with patience: %v", wait)
	}
}

// A rate as slow as can be makes nobody wait less than nothing, and is not forgotten.
func TestLimiter_SlowestRates_DoNotOverflow(t *testing.T) {
	for _, slow := range []Rate{{1e-300, 1}, {1e-12, 1 << 30}, {1e-6, 1}} {
		var l Limiter
		fast := Rate{1e9, 1 << 30}
		if wait := l.Reserve(slow, fast, time.Hour, 1, 0); wait != 0 {
			t.Errorf("%v: the first waits %v", slow, wait)
		}
		for range 3 {
			if wait := l.Reserve(slow, fast, time.Hour, 1, 0); wait < 10*24*time.Hour {
				t.Errorf("%v: the next waits %v", slow, wait)
			}
		}
	}
}

// While somebody has a user's limiter, nobody else gets another one of that user,
// however full it is and however many users there are.
func TestLimiters_Taken_IsKept(t *testing.T) {
	var ls Limiters
	at := Person{Addr: netip.MustParseAddr("192.0.2.1")}
	for _, kept := range []Person{{User: "taken"}, at} {
		free := Person{User: "free"}
		held, old := ls.Take(kept, 0), ls.Take(free, 0)
		ls.GiveBack(free)
		for i := range uint32(10 * minSweep) {
			p := Person{Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}
			ls.Take(p, 0)
			ls.GiveBack(p)
		}
		if ls.Take(kept, 0) != held {
			t.Errorf("there is a second limiter of %v", kept)
		}
		if ls.Take(free, 0) == old {
			t.Error("nothing was swept")
		}
		ls.GiveBack(free)
		if n := len(ls.byPerson); n > 2*minSweep {
			t.Errorf("%d are kept, although all but two are full and given back", n)
		}
	}
	if ls.Take(Person{User: "192.0.2.1"}, 0) == ls.Take(at, 0) {
		t.Error("a user has the limiter of an address")
	}
}

// What has happened counts, however long it would have had to wait: up to a minute.
func TestKeyLimiter_Owe_CountsWhatIsMoreThanADebt(t *testing.T) {
	var l KeyLimiter[string]
	rate := Rate{PerSecond: 1, Burst: 100}
	l.Owe(rate, 0, "ann", 1000) // no more than the burst
	if debt := l.Debt(rate, 0, "ann"); debt != 0 {
		t.Errorf("a debt of %v within the burst", debt)
	}
	for range 2 {
		l.Owe(rate, 0, "ann", 100)
		if debt := l.Debt(rate, 0, "ann"); debt != time.Minute {
			t.Errorf("a debt of %v, want a minute", debt)
		}
	}
	if debt := l.Debt(rate, time.Minute, "ann"); debt != 0 {
		t.Errorf("a debt of %v after a minute", debt)
	}
}
