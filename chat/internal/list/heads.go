package list

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Heads bounds what is read of the heads of rooms: each has the body of its newest message, of
// which a list shows the beginning.
type Heads struct {
	// Largest returns how many bytes one body may have.
	Largest func() int
	// Take takes bytes for a reader, until release is called. It waits while others have them.
	Take func(ctx context.Context, by access.Person, bytes int) (release func(), err error)
	// Owe charges a reader for bytes that rows do not show.
	Owe func(by access.Person, bytes int)
}

// headsAtOnce is how many heads are read at a time, if their bodies have no more than bytesAtOnce.
const headsAtOnce, bytesAtOnce = 100, 8 << 20

// atOnce returns how many heads may be read at a time.
func (h *Heads) atOnce() int { return max(1, min(headsAtOnce, bytesAtOnce/h.Largest())) }

// take takes what n heads can have. The zero Person is the server.
func (h *Heads) take(ctx context.Context, by access.Person, n int) (release func(), err error) {
	return h.Take(ctx, by, n*h.Largest())
}

// HeadOf returns where a room stands, without its newest message.
func HeadOf(ctx context.Context, j journal.Reader, room string) (journal.Head, error) {
	p, err := j.Read(ctx, journal.Query{Room: room, Backward: true})
	if err != nil || p.Last == 0 {
		return journal.Head{}, err
	}
	return journal.Head{Epoch: p.Epoch, First: p.First, Last: p.Last, Count: p.Count, Dropped: p.Dropped}, nil
}
