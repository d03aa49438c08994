package readmarks

import (
	"net/netip"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// maxGuestMarks bounds the marks of guests. There may be any number of guests, and one
// person may be many of them, at many addresses: the network with most marks loses the one that has not moved
// for longest.
const maxGuestMarks = 100_000

// guests holds the marks of guests. It must be made by newGuests.
type guests struct {
	most int // fixed: maxGuestMarks, but in tests

	mu    sync.Mutex // guards the rest
	marks map[Key]Mark
	order *backpressure.ByHolder[Key]
}

func newGuests() guests {
	return guests{most: maxGuestMarks, marks: map[Key]Mark{}, order: backpressure.NewByHolder[Key]()}
}

func (g *guests) get(k Key) Mark {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.marks[k]
}

// move moves the mark of a guest who comes from an address.
func (g *guests) move(k Key, from netip.Addr, to Mark) (at Mark, moved bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at = g.marks[k]
	to, changes := at.with(to)
	if !changes {
		return at, false
	}
	g.marks[k] = to
	g.order.Enter(access.PersonAt(from), k)
	for _, over := range g.order.Excess(g.most) {
		delete(g.marks, over)
	}
	return to, at.before(to)
}
