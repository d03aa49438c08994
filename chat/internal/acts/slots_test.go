package acts

import (
	"errors"
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
