package chat

import (
	"container/heap"
	"container/list"
	"net/netip"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// greeting holds the sessions of chat.v1 whose clients have not said hello. When there
// are too many, the address with most makes room: its oldest is ended, and whoever has
// just come stays. So a few addresses that say nothing keep nobody out. An entry or an
// end costs a time that grows with the logarithm of the number of addresses.
type greeting struct {
	mu     sync.Mutex // guards the rest; a leaf
	byAddr map[netip.Addr]*greeters
	places map[*session]*list.Element
	most   mostFirst
	age    uint64 // of the newest
}

// greeters are the sessions of one address: see access.AddressKey.
type greeters struct {
	sessions list.List // of greeter; the oldest is first
	index    int       // in greeting.most
}

type greeter struct {
	session *session
	age     uint64 // how many came before
}

func newGreeting() greeting {
	return greeting{byAddr: map[netip.Addr]*greeters{}, places: map[*session]*list.Element{}}
}

// enter adds s and returns those who have to make room, so that limit are left.
func (g *greeting) enter(s *session, limit int) (ended []*session) {
	key := access.AddressKey(s.Addr())
	g.mu.Lock()
	defer g.mu.Unlock()
	of := g.byAddr[key]
	if of == nil {
		of = &greeters{}
		g.byAddr[key] = of
		heap.Push(&g.most, of)
	}
	g.age++
	g.places[s] = of.sessions.PushBack(greeter{s, g.age})
	heap.Fix(&g.most, of.index)
	for len(g.places) > limit {
		oldest := g.most[0].sessions.Front().Value.(greeter).session
		g.leaveLocked(oldest)
		ended = append(ended, oldest)
	}
	return ended
}

// leave removes s, if it is still there.
func (g *greeting) leave(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaveLocked(s)
}

func (g *greeting) leaveLocked(s *session) {
	place := g.places[s]
	if place == nil {
		return
	}
	delete(g.places, s)
	key := access.AddressKey(s.Addr())
	of := g.byAddr[key]
	of.sessions.Remove(place)
	if of.sessions.Len() > 0 {
		heap.Fix(&g.most, of.index)
		return
	}
	heap.Remove(&g.most, of.index)
	delete(g.byAddr, key)
}

func (g *greeting) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.places)
}

// mostFirst is a heap: the address with most sessions is first, of equals the one that
// has the oldest.
type mostFirst []*greeters

func (h mostFirst) Len() int { return len(h) }

func (h mostFirst) Less(i, j int) bool {
	if m, n := h[i].sessions.Len(), h[j].sessions.Len(); m != n {
		return m > n
	}
	return h[i].oldest() < h[j].oldest()
}

func (of *greeters) oldest() uint64 {
	if first := of.sessions.Front(); first != nil {
		return first.Value.(greeter).age
	}
	return 0
}

func (h mostFirst) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *mostFirst) Push(x any) {
	of := x.(*greeters)
	of.index = len(*h)
	*h = append(*h, of)
}

func (h *mostFirst) Pop() any {
	last := len(*h) - 1
	of := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return of
}
