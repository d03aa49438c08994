package backpressure

import (
	"container/heap"
	"container/list"
)

// ByHolder holds items of holders, in the order in which they came. When there are too many,
// the holder with most makes room with its oldest: see Excess. So a few holders push out
// nobody else. A call costs a time that grows with the logarithm of the number of holders.
// It must be made by NewByHolder. Its caller sees to it that no calls overlap.
type ByHolder[K, T comparable] struct {
	holders map[K]*itemsOf[K, T]
	places  map[T]*list.Element
	most    mostFirst[K, T]
	age     uint64 // of the newest
}

// itemsOf has the items of one holder.
type itemsOf[K, T comparable] struct {
	key   K
	items list.List // of heldItem; the oldest is first
	index int       // in ByHolder.most
}

type heldItem[K, T comparable] struct {
	item   T
	holder *itemsOf[K, T]
	age    uint64 // how many came before
}

// NewByHolder returns an empty ByHolder.
func NewByHolder[K, T comparable]() *ByHolder[K, T] {
	return &ByHolder[K, T]{holders: map[K]*itemsOf[K, T]{}, places: map[T]*list.Element{}}
}

// Len returns how many items there are.
func (c *ByHolder[K, T]) Len() int { return len(c.places) }

// Enter adds an item of a holder as the newest. One that is there already is moved.
func (c *ByHolder[K, T]) Enter(holder K, item T) {
	c.Leave(item)
	of := c.holders[holder]
	if of == nil {
		of = &itemsOf[K, T]{key: holder}
		c.holders[holder] = of
		heap.Push(&c.most, of)
	}
	c.age++
	c.places[item] = of.items.PushBack(heldItem[K, T]{item, of, c.age})
	heap.Fix(&c.most, of.index)
}

// Leave removes an item, if it is there.
func (c *ByHolder[K, T]) Leave(item T) {
	place := c.places[item]
	if place == nil {
		return
	}
	delete(c.places, item)
	of := place.Value.(heldItem[K, T]).holder
	of.items.Remove(place)
	if of.items.Len() > 0 {
		heap.Fix(&c.most, of.index)
		return
	}
	heap.Remove(&c.most, of.index)
	delete(c.holders, of.key)
}

// Excess removes items until limit are left, and returns them: always the oldest of the
// holder who has most.
func (c *ByHolder[K, T]) Excess(limit int) (removed []T) {
	for len(c.places) > limit {
		oldest := c.most[0].items.Front().Value.(heldItem[K, T]).item
		c.Leave(oldest)
		removed = append(removed, oldest)
	}
	return removed
}

// mostFirst is a heap: the holder with most items is first, of equals the one that has the
// oldest.
type mostFirst[K, T comparable] []*itemsOf[K, T]

func (h mostFirst[K, T]) Len() int { return len(h) }

func (h mostFirst[K, T]) Less(i, j int) bool {
	if m, n := h[i].items.Len(), h[j].items.Len(); m != n {
		return m > n
	}
	return h[i].oldest() < h[j].oldest()
}

func (of *itemsOf[K, T]) oldest() uint64 {
	if first := of.items.Front(); first != nil {
		return first.Value.(heldItem[K, T]).age
	}
	return 0
}

func (h mostFirst[K, T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *mostFirst[K, T]) Push(x any) {
	of := x.(*itemsOf[K, T])
	of.index = len(*h)
	*h = append(*h, of)
}

func (h *mostFirst[K, T]) Pop() any {
	last := len(*h) - 1
	of := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return of
}
