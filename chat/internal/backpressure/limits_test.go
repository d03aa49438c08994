package backpressure

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

// However many networks come one after the other, and each takes all that it gets, as much is left
// as Limits says, and whoever comes then gets something.
func TestSharedBounds_NetworksThatComeOneAfterTheOther(t *testing.T) {
	const size = 64 << 20
	for name, newTake := range map[string]func() func(access.Person, int) bool{
		"Share": func() func(access.Person, int) bool {
			var s Share
			return func(p access.Person, n int) bool { return s.Take(size, p, n) }
		},
		"InHand": func() func(access.Person, int) bool {
			var h InHand
			return func(p access.Person, n int) bool { return h.Of(p).Take(n, size) }
		},
	} {
		for who, person := range map[string]func(network, i int) access.Person{
			"users": func(network, _ int) access.Person { return access.Person{User: fmt.Sprint(network)} },
			"addresses": func(network, i int) access.Person {
				return access.PersonAt(netip.AddrFrom4([4]byte{10, byte(network), 0, byte(i)}))
			},
		} {
			take, left := newTake(), size
			takeAll := func(p access.Person) (got int) {
				for n := size; n > 0; n /= 2 {
					for take(p, n) {
						got += n
					}
				}
				return got
			}
			for k := range 100 {
				got := 0
				for i := range 10 {
					got += takeAll(person(k, i))
				}
				left -= got
				// Up to there the law holds, and then each gets a 512th, as long as there is any.
				if least := size * 2 / (k + 7); least >= size/16 && left < least-100_000 {
					t.Fatalf("%s of %s: %d leave %d, want %d", name, who, k+1, left, least)
				}
				if k < 50 && got < size/512 {
					t.Fatalf("%s of %s: the one after %d gets %d", name, who, k, got)
				}
			}
		}
	}
}

// No size is too large or too little.
func TestLimits_AllSizes(t *testing.T) {
	for _, size := range []int64{1, 2, 3, 64, 511, 513, 1 << 20, math.MaxInt32, 1 << 61} {
		network, person := Limits(size, 0, 0)
		if half := max(1, size/2); network != half || person != max(1, half/2) {
			t.Errorf("of %d one alone gets %d, and one address %d", size, network, person)
		}
		for _, others := range []int64{size - 1, size, size + 1, 2 * size} {
			network, person := Limits(size, others, 0)
			if want := max(0, size-others); network != want || person != want {
				t.Errorf("of %d, of which others have %d, one gets %d, and one address %d", size, others, network, person)
			}
			if _, person := Limits(size, 0, others); person > 1 {
				t.Errorf("of %d, of which its neighbours have %d, an address gets %d", size, others, person)
			}
		}
	}
}
