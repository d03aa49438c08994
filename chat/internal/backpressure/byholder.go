package backpressure

import (
	"container/heap"
	"container/list"

	"github.com/caddychat/caddy-chat/chat/access"
)

// ByHolder holds items of networks, in the order in which they came. When there are too many,
// the holder with most makes room with its oldest: see Excess. So a few holders push out
// nobody else. A call costs a time that grows with the logarithm of the number of holders.
// It must be made by NewByHolder. Its caller sees to it that no calls overlap.
type ByHolder[T comparable] struct {
	holders map[access.Network]*itemsOf[T]
	places  map[T]*list.Element
	most    mostFirst[T]
	age     uint64 // of the newest
}

// itemsOf has the items of one holder.
type itemsOf[T comparable] struct {
	key   access.Network
	items list.List // of heldItem; the oldest is first
	index int       // in ByHolder.most
}

type heldItem[T comparable] struct {
	item   T
	holder *itemsOf[T]
	age    uint64 // how many came before
}

// NewByHolder returns an empty ByHolder.
func NewByHolder[T comparable]() *ByHolder[T] {
	return &ByHolder[T]{holders: map[access.Network]*itemsOf[T]{}, places: map[T]*list.Element{}}
}

// Len returns how many items there are.
func (c *ByHolder[T]) Len() int { return len(c.places) }

// Enter adds an item of a person, whose network is the holder, as the newest. One that is there already is moved.
func (c *ByHolder[T]) Enter(p access.Person, item T) {
	c.Leave(item)
	holder := p.Network()
	of := c.holders[holder]
	if of == nil {
		of = &itemsOf[T]{key: holder}
		c.holders[holder] = of
		heap.Push(&c.most, of)
	}
	c.age++
	c.places[item] = of.items.PushBack(heldItem[T]{item, of, c.age})
	heap.Fix(&c.most, of.index)
}

// Leave removes an item, if it is there.
func (c *ByHolder[T]) Leave(item T) {
	place := c.places[item]
	if place == nil {
		return
	}
	delete(c.places, item)
	of := place.Value.(heldItem[T]).holder
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
func (c *ByHolder[T]) Excess(limit int) (removed []T) {
	for len(c.places) > limit {
		oldest := c.most[0].items.Front().Value.(heldItem[T]).item
		c.Leave(oldest)
		removed = append(removed, oldest)
	}
	return removed
}

// mostFirst is a heap: the holder with most items is first, of equals the one that has the
// oldest.
type mostFirst[T comparable] []*itemsOf[T]

func (h mostFirst[T]) Len() int { return len(h) }

func (h mostFirst[T]) Less(i, j int) bool {
	if m, n := h[i].items.Len(), h[j].items.Len(); m != n {
		return m > n
	}
	return h[i].oldest() < h[j].oldest()
}

func (of *itemsOf[T]) oldest() uint64 {
	if first := of.items.Front(); first != nil {
		return first.Value.(heldItem[T]).age
	}
	return 0
}

func (h mostFirst[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *mostFirst[T]) Push(x any) {
	of := x.(*itemsOf[T])
	of.index = len(*h)
	*h = append(*h, of)
}

func (h *mostFirst[T]) Pop() any {
	last := len(*h) - 1
	of := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return of
}
