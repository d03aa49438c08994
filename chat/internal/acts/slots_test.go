package acts

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// Slots are bounded in all and for each address, where an IPv6 client counts by its /64,
// and what is given back may be taken again.
func TestSlots_Take_UpToItsBounds(t *testing.T) {
	s := newSlots()
	set := &Settings{MaxConnections: 3, MaxConnectionsPerIP: 2}
	one, same, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	third := netip.MustParseAddr("192.0.2.2")
	for i, step := range []struct {
		addr netip.Addr
		want error
	}{{one, nil}, {same, nil}, {one, ErrFullByAddr}, {other, nil}, {third, ErrFull}} {
		if err := s.take(step.addr, set); !errors.Is(err, step.want) {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	s.release(same)
	if err := s.take(third, set); err != nil {
		t.Error(err)
	}
	s.close()
	if err := s.take(one, set); !errors.Is(err, ErrClosing) {
		t.Error(err)
	}
	for _, addr := range []netip.Addr{one, other, third} {
		select {
		case <-s.empty:
			t.Fatal("it is empty too early")
		default:
		}
		s.release(addr)
	}
	<-s.empty
	if taken, addresses := s.count(); taken != 0 || addresses != 0 {
		t.Errorf("%d slots are taken, by %d addresses", taken, addresses)
	}
}

// However many addresses a network has, it gets no more slots than are left for others. But
// it always gets as many as one address may have.
func TestSlots_Take_NoNetworkGetsAll(t *testing.T) {
	networks := map[string]func(i int) string{
		"a /24":         func(i int) string { return fmt.Sprintf("192.0.2.%d", i) },
		"a /24 as IPv6": func(i int) string { return fmt.Sprintf("::ffff:192.0.2.%d", i) },
		"a /48":         func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) },
	}
	for name, addr := range networks {
		for _, c := range []struct{ perIP, want int }{{1, 50}, {10, 50}, {70, 70}, {100, 100}} {
			s := newSlots()
			set := &Settings{MaxConnections: 100, MaxConnectionsPerIP: c.perIP}
			got, last := 0, error(nil)
			for i := range 200 {
				if last = s.take(netip.MustParseAddr(addr(i)), set); last == nil {
					got++
				}
			}
			if got != c.want || !errors.Is(last, ErrFullByNetwork) && c.want < 100 {
				t.Errorf("%s with %d for each address has taken %d, then %v; want %d", name, c.perIP, got, last, c.want)
			}
			if c.want == 100 {
				continue
			}
			if err := s.take(netip.MustParseAddr("2001:db8:2::1"), set); err != nil {
				t.Errorf("%s keeps others out: %v", name, err)
			}
			for i := range c.want {
				s.release(netip.MustParseAddr(addr(i)))
			}
			s.release(netip.MustParseAddr("2001:db8:2::1"))
			if len(s.byNetwork) != 0 || len(s.byAddr) != 0 || s.taken != 0 {
				t.Errorf("%s: something is left: %v", name, &s)
			}
		}
	}
}
