package acts

import (
	"sync"
	"testing"
)

// Shares are shared by those who act for one person, outlive them while something waits,
// and leave nothing behind.
func TestInHand_Shares_GoWhenNothingWaits(t *testing.T) {
	var h inHand
	ann := person{user: "ann"}
	one, two := h.shareOf(ann), h.shareOf(ann)
	if one != two || !one.take(40, 100) {
		t.Fatal("one person has two shares, or is refused")
	}
	if two.take(20, 100) {
		t.Error("one person has more than is left for others")
	}
	for range 2 {
		one.release()
	}
	if again := h.shareOf(ann); again != one {
		t.Error("what waits is forgotten with who said it")
	} else {
		again.release()
	}
	one.put(40)
	if len(h.shares) != 0 || h.total.Load() != 0 {
		t.Errorf("left: %d shares, %d bytes", len(h.shares), h.total.Load())
	}

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 2000 {
				s := h.shareOf(ann)
				if !s.take(1, 1<<20) {
					t.Error("refused")
				}
				all.Go(func() { s.put(1) })
				s.release()
			}
		})
	}
	all.Wait()
	if len(h.shares) != 0 || h.total.Load() != 0 {
		t.Errorf("left: %d shares, %d bytes", len(h.shares), h.total.Load())
	}
}
