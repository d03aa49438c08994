package backpressure

import (
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

// Shares are shared by those who act for one person, outlive them while something waits,
// and leave nothing behind.
func TestInHand_Shares_GoWhenNothingWaits(t *testing.T) {
	var h InHand
	ann := access.Person{User: "ann"}
	one, two := h.Of(ann), h.Of(ann)
	if one != two || !one.Take(40, 100) {
		t.Fatal("one person has two shares, or is refused")
	}
	if two.Take(20, 100) {
		t.Error("one person has more than half")
	}
	for range 2 {
		one.Release()
	}
	if again := h.Of(ann); again != one {
		t.Error("what waits is forgotten with who said it")
	} else {
		again.Release()
	}
	one.Put(40)
	if len(h.shares)+len(h.near) != 0 || h.total.Load() != 0 {
		t.Errorf("left: %d shares, %d bytes", len(h.shares), h.total.Load())
	}

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 2000 {
				s := h.Of(ann)
				if !s.Take(1, 1<<20) {
					t.Error("refused")
				}
				all.Go(func() { s.Put(1) })
				s.Release()
			}
		})
	}
	all.Wait()
	if len(h.shares)+len(h.near) != 0 || h.total.Load() != 0 {
		t.Errorf("left: %d shares, %d bytes", len(h.shares), h.total.Load())
	}
}
