package backpressure

import "testing"

// Nothing is left of holders whose items have gone, in whichever way.
func TestByHolder_Leave_LeavesNothing(t *testing.T) {
	c := NewByHolder[int]()
	for i := range 100 {
		c.Enter(user(i%7), i)
		c.Enter(user(i%5), i) // the item of somebody else now
	}
	if gone := c.Excess(50); len(gone) != 50 || c.Len() != 50 || gone[0] != 0 {
		t.Errorf("%d are gone, %d are left", len(gone), c.Len())
	}
	for i := range 100 {
		c.Leave(i)
	}
	if len(c.holders)+len(c.places)+len(c.most) != 0 {
		t.Errorf("%d holders, %d items and %d places in the heap are left", len(c.holders), len(c.places), len(c.most))
	}
}
