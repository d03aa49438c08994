package backpressure

import (
	"context"
	"net/netip"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

// inTheNetwork returns somebody at one of 65,536 addresses of one network.
func inTheNetwork(i int) access.Person {
	return access.PersonAt(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, byte(i >> 8), byte(i), 15: 1}))
}

// However many addresses of one network take as much as they get, at least half is left for
// all others, and something for one more address of that network until many have come.
func TestSharedBounds_OneNetworkTakesNoMoreThanIsLeft(t *testing.T) {
	const size = 1000
	elsewhere := []access.Person{access.PersonAt(netip.MustParseAddr("198.51.100.7")), access.PersonAt(netip.MustParseAddr("2001:db8:2::1")), {User: "bot-key"}, {}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	type bound struct {
		take func(access.Person) bool
		// pushesOut says that nobody is refused: the network that has most loses something.
		pushesOut func(access.Person) bool
	}
	for name, make := range map[string]func() bound{
		"Share": func() bound {
			var s Share
			return bound{take: func(p access.Person) bool { return s.Take(size, p, 1) }}
		},
		"InHand": func() bound {
			var h InHand
			return bound{take: func(p access.Person) bool { return h.Of(p).Take(1, size) }}
		},
		"ByHolder": func() bound {
			c := NewByHolder[int]()
			n, of := 0, map[int]access.Person{}
			return bound{pushesOut: func(p access.Person) bool {
				n++
				of[n] = p
				c.Enter(p, n)
				gone := c.Excess(size)
				for _, item := range gone {
					if of[item].Network() != inTheNetwork(0).Network() {
						return false
					}
				}
				return true
			}}
		},
		"Pool": func() bound {
			p := NewPool(size)
			var back []func()
			return bound{take: func(who access.Person) bool {
				if who.Network() == inTheNetwork(0).Network() {
					release, err := p.Take(ended, who, 1)
					if err == nil {
						back = append(back, release)
					}
					return err == nil
				}
				// Those of the network wait, too, and came before.
				for i := 0; len(p.waiting) < 600; i++ {
					p.waiting = append(p.waiting, &waiter{inTheNetwork(1000 + i), 1, newChannel()})
				}
				w := &waiter{who, 1, newChannel()}
				p.waiting = append(p.waiting, w)
				if len(back) == 0 {
					return false
				}
				back[0]()
				back = back[1:]
				select {
				case <-w.taken:
					return true
				default:
					return false
				}
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := make()
			if b.pushesOut != nil {
				for i := range 600 * 10 {
					if i%100 == 0 && !b.pushesOut(elsewhere[i/100%len(elsewhere)]) || !b.pushesOut(inTheNetwork(i%600)) {
						t.Fatalf("after %d somebody elsewhere loses something", i)
					}
				}
				return
			}
			n := 0
			for more := true; more; {
				more = false
				for i := range 600 {
					if b.take(inTheNetwork(i)) {
						more = true
						n++
					}
				}
			}
			if name != "Pool" && (n < size/3 || n > size/2) {
				t.Errorf("600 addresses of one network have %d of %d", n, size)
			}
			for _, p := range elsewhere {
				for range 20 {
					if !b.take(p) {
						t.Fatalf("%v is refused", p)
					}
				}
			}
		})
	}
}

func newChannel() chan struct{} { return make(chan struct{}) }

// One address leaves something for its network, and one user has no neighbours.
func TestShare_OneAddress_LeavesSomethingForItsNeighbours(t *testing.T) {
	for _, c := range []struct {
		who  access.Person
		gets int
	}{{access.PersonAt(netip.MustParseAddr("192.0.2.1")), 250}, {inTheNetwork(7), 250}, {user(1), 500}, {access.Person{}, 500}} {
		var s Share
		n := 0
		for s.Take(1000, c.who, 1) {
			n++
		}
		if n < c.gets || n > c.gets+1 {
			t.Errorf("%v alone gets %d, want %d", c.who, n, c.gets)
		}
		for _, neighbour := range []access.Person{access.PersonAt(netip.MustParseAddr("192.0.2.2")), inTheNetwork(8)} {
			if !s.Take(1000, neighbour, 20) {
				t.Errorf("%v leaves nothing for %v", c.who, neighbour)
			}
		}
	}
}

// A refusal says whose fault it is.
func TestShare_Whose(t *testing.T) {
	at := func(addr string) access.Person { return access.PersonAt(netip.MustParseAddr(addr)) }
	for _, c := range []struct {
		name  string
		taken map[access.Person]int
		who   access.Person
		want  Whose
	}{
		{"nothing is taken", nil, at("192.0.2.1"), OfAll},
		{"the address alone", map[access.Person]int{at("192.0.2.1"): 10}, at("192.0.2.1"), OfAddress},
		{"its neighbour", map[access.Person]int{at("192.0.2.1"): 10, at("192.0.2.2"): 1}, at("192.0.2.2"), OfNetwork},
		{"somebody else", map[access.Person]int{at("192.0.2.1"): 10}, at("198.51.100.1"), OfAll},
		{"its network", map[access.Person]int{at("2001:db8:0:1::1"): 4, at("2001:db8:0:2::1"): 4, at("2001:db8:0:3::1"): 4}, at("2001:db8:0:1::5"), OfNetwork},
		{"one of many", map[access.Person]int{at("192.0.2.1"): 4, at("192.1.2.1"): 4, at("192.2.2.1"): 4}, at("192.0.2.1"), OfAll},
		{"who has no address", map[access.Person]int{{}: 4}, access.Person{}, OfAll},
	} {
		var s Share
		for p, n := range c.taken {
			s.Take(1000, p, n)
		}
		if got := s.Whose(c.who); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
