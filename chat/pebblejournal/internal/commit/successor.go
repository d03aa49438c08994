package commit

import (
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
)

// Succeed lets a store that has taken in nothing go on in an epoch of another journal.
func (g *Group) Succeed(fresh string, above journal.Position) error {
	store, born, ok := journal.CutEpoch(fresh)
	if !ok {
		return fmt.Errorf("%w: %q is no epoch", journal.ErrLimit, fresh)
	}
	if t := &g.totals; t.Entries > 0 || t.Changes > 0 {
		return journal.ErrNotEmpty
	}
	g.epoch = store
	g.totals.Position = max(g.totals.Position, above)
	g.totals.FeedBegin = g.totals.Position
	if born > 0 {
		g.totals.DroppedHeads++ // rooms that are made from now on get born
	}
	return g.batch.Set(format.MetaKey(format.MetaEpoch), []byte(store), nil)
}

// RestoreHead lets a room without entries go on with the number of the first entry that is kept.
func (g *Group) RestoreHead(name string, h *journal.Head) error {
	if err := journal.CheckHead(name, h); err != nil {
		return err
	}
	store, born, ok := journal.CutEpoch(h.Epoch)
	if !ok || store != g.epoch {
		return fmt.Errorf("%w: the epoch %q of room %q is not of the store", journal.ErrLimit, h.Epoch, name)
	}
	r, err := g.Room(name)
	switch {
	case err != nil:
		return err
	case r.next.Last > 0 && r.next.Born != born:
		return fmt.Errorf("%w: room %q has another epoch than %q", journal.ErrLimit, name, h.Epoch)
	case r.next.Last > 0:
		return nil // it has gone on since
	}
	s := format.NewRoom(born)
	s.First, s.Last, s.Dropped, s.Count = h.First, h.First-1, h.Dropped, h.Dropped
	s.LastAt, s.Governing = h.BeforeFirst()
	s.Position = r.next.Position
	r.next, r.stateChanged = s, true
	g.totals.Changes++ // the store is not empty from now on
	return nil
}
