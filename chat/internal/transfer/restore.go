package transfer

import (
	"context"
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// restore writes what the line of a conversation stands for, behind its entries. It returns
// how many records it has written: none, if the journal has a newer state of it.
func (c *conversation) restore(ctx context.Context, j Target) (written int, err error) {
	page, err := read(ctx, j, journal.Query{Room: c.Room.name, After: max(c.Version, 1) - 1, Limit: 1})
	if err != nil {
		return 0, err
	}
	if c.Version > page.Last {
		return 0, fmt.Errorf("conversation %q: version %d is no entry of the room, whose last one is %d", c.Room.name, c.Version, page.Last)
	}
	if len(page.Entries) > 0 && page.Entries[0].Seq == c.Version && !page.Entries[0].Kind.Governs() {
		return 0, fmt.Errorf("conversation %q: entry %d is none of the types member and info, so version must not be it", c.Room.name, c.Version)
	}
	r := restorer{journal: j, of: c, page: page, counts: map[journal.Seq]uint64{}}
	var list []journal.Record
	if c.Version > 0 { // a user's own room has no seats
		if list, err = r.records(ctx); err != nil || list == nil {
			return 0, err
		}
	}
	own, err := r.own(ctx)
	if err != nil {
		return 0, err
	}
	if written, err = j.RestoreRecords(ctx, append(list, own...)); err != nil {
		return 0, err
	}
	moved, err := r.moveMarks(ctx)
	return written + moved, err
}

// records returns the records of who is what in the conversation, or nil if the journal has
// a newer state of it: who is no member any more has no seat.
func (r *restorer) records(ctx context.Context) ([]journal.Record, error) {
	there, err := members.Load(ctx, r.journal.Records(), r.of.Room.name, nil, true)
	if err != nil || there.Version > r.of.Version {
		return nil, err
	}
	s := members.State{Name: r.of.Room.name, Room: r.of.State, Seats: map[string]members.Seat{}}
	s.Version = r.of.Version
	for id := range there.Seats {
		s.Seats[id] = members.Seat{Left: time.Now()}
	}
	for i := range r.of.Members {
		m := &r.of.Members[i]
		seat := members.Seat{Since: m.Since}
		seat.Role, _ = access.ParseRole(m.Role) // check has read it
		if seat.Count, err = r.countAt(ctx, m.Since); err != nil {
			return nil, err
		}
		s.Seats[m.ID] = seat
	}
	return s.Records()
}
