package chat

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// greeting holds the sessions of chat.v1 whose clients have not said hello. When there
// are too many, the network with most makes room: its oldest is ended, and whoever has
// just come stays. So a few networks that say nothing keep nobody out, however many
// addresses they have.
type greeting struct {
	mu       sync.Mutex // guards the rest; a leaf
	sessions *backpressure.ByHolder[*session]
}

func newGreeting() greeting {
	return greeting{sessions: backpressure.NewByHolder[*session]()}
}

// enter adds s and returns those who have to make room, so that limit are left.
func (g *greeting) enter(s *session, limit int) (ended []*session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions.Enter(access.PersonAt(s.Addr()), s)
	return g.sessions.Excess(limit)
}

// leave removes s, if it is still there.
func (g *greeting) leave(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions.Leave(s)
}

func (g *greeting) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sessions.Len()
}
