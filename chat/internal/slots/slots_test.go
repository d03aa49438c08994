package slots

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// Slots are bounded in all and for each address, where an IPv6 client counts by its /64,
// and what is given back may be taken again.
func TestSlots_Take_UpToItsBounds(t *testing.T) {
	s := New()
	one, same, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	third := netip.MustParseAddr("192.0.2.2")
	for i, step := range []struct {
		addr netip.Addr
		want error
	}{{one, nil}, {same, nil}, {one, ErrFullByAddr}, {other, nil}, {third, ErrFull}} {
		if err := s.Take(step.addr, 3, 2); !errors.Is(err, step.want) {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	s.Release(same)
	if err := s.Take(third, 3, 2); err != nil {
		t.Error(err)
	}
	s.Close()
	if err := s.Take(one, 3, 2); !errors.Is(err, ErrClosing) {
		t.Error(err)
	}
	for _, addr := range []netip.Addr{one, other, third} {
		select {
		case <-s.empty:
			t.Fatal("it is empty too early")
		default:
		}
		s.Release(addr)
	}
	<-s.empty
	if taken, addresses := s.Count(); taken != 0 || addresses != 0 {
		t.Errorf("%d slots are taken, by %d addresses", taken, addresses)
	}
}

// However many addresses a network has, it gets no more than half of the slots. But
// it always gets as many as one address may have.
func TestSlots_Take_NoNetworkGetsAll(t *testing.T) {
	networks := map[string]func(i int) string{
		"a /24":         func(i int) string { return fmt.Sprintf("192.0.2.%d", i) },
		"a /24 as IPv6": func(i int) string { return fmt.Sprintf("::ffff:192.0.2.%d", i) },
		"a /48":         func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) },
	}
	for name, addr := range networks {
		for _, c := range []struct{ perIP, want int }{{1, 50}, {10, 50}, {70, 70}, {100, 100}} {
			s := New()
			got, last := 0, error(nil)
			for i := range 200 {
				if last = s.Take(netip.MustParseAddr(addr(i)), 100, c.perIP); last == nil {
					got++
				}
			}
			if got != c.want || !errors.Is(last, ErrFullByNetwork) && c.want < 100 {
				t.Errorf("%s with %d for each address has taken %d, then %v; want %d", name, c.perIP, got, last, c.want)
			}
			if c.want == 100 {
				continue
			}
			if err := s.Take(netip.MustParseAddr("2001:db8:2::1"), 100, c.perIP); err != nil {
				t.Errorf("%s keeps others out: %v", name, err)
			}
			for i := range c.want {
				s.Release(netip.MustParseAddr(addr(i)))
			}
			s.Release(netip.MustParseAddr("2001:db8:2::1"))
			if len(s.byNetwork) != 0 || len(s.byAddr) != 0 || s.taken != 0 {
				t.Errorf("%s: something is left: %v", name, s)
			}
		}
	}
}

// Of networks that come one after the other, each with all connections that it gets, thirty leave
// room for as many as one address may have.
func TestSlots_Take_NetworksOneAfterTheOther(t *testing.T) {
	s := New()
	for network := range 30 {
		for i := 0; s.Take(netip.AddrFrom4([4]byte{10, byte(network), 0, byte(i)}), 50_000, 100) == nil; i++ {
		}
	}
	taken, _ := s.Count()
	if left := 50_000 - taken; left < 2500 {
		t.Errorf("30 networks leave %d", left)
	}
	for i := range 100 {
		if err := s.Take(netip.MustParseAddr("192.0.2.1"), 50_000, 100); err != nil {
			t.Fatalf("connection %d of somebody who comes then: %v", i, err)
		}
	}
}
