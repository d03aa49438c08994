package acts

import (
	"context"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// MarkRead is the act of moving the user's read mark to seq, or to the newest
// entry if seq is above that. It returns where the mark is now and how many
// messages are unread. The user's other sessions in the room are told.
func (a Turn) MarkRead(ctx context.Context, name string, seq journal.Seq) (mark journal.Seq, unread uint64, err error) {
	if err := a.hasMarks(); err != nil {
		return 0, 0, err
	}
	in, err := a.reader(ctx, name)
	if err == nil {
		err = a.mayReadNow()
	}
	if err != nil {
		return 0, 0, err
	}
	page, err := a.read(ctx, journal.Query{Room: name, Backward: true})
	if err != nil {
		return 0, 0, err
	}
	to := readmarks.Mark{Epoch: page.Epoch, Seq: min(seq, page.Last)}
	v := a.view(name, &in)
	if to.Count, err = v.CountAt(ctx, to.Seq, &page); err != nil {
		return 0, 0, err
	}
	return a.moveMark(ctx, a.markKey(name), to, &page, &in)
}

// moveMark moves a mark, and tells the user's other sessions if it has moved. page is
// one of the room.
func (a *Actor) moveMark(ctx context.Context, k readmarks.Key, to readmarks.Mark, page *journal.Page, in *standing) (mark journal.Seq, unread uint64, err error) {
	at, moved, err := a.core.marks.Move(ctx, k, a.addr, to, a.core.settings().Marks)
	if err != nil {
		return 0, 0, err
	}
	if moved && in.seat.Role != access.NoRole { // lists are told also if the rest fails
		a.core.live.Tell(ctx, k.User, k.Room)
	}
	v := a.view(k.Room, in)
	v.Mark = at
	if unread, err = v.Unread(ctx, page); err != nil {
		return 0, 0, err
	}
	if moved {
		told := wire.Mark{Room: k.Room, Seq: uint64(at.Seq), Unread: unread}
		a.core.journal.Append(ctx, journal.Entry{
			Room: k.Room, Kind: journal.Aside, From: a.User(), Body: told.Append(nil),
			Origin: journal.Origin{Node: a.core.node, Session: a.id},
		}, func(journal.Receipt, error) {})
		if in.seat.Role != access.NoRole && in.room.Size <= in.Receipts && !in.apart() {
			a.core.seen.Sent(k, at, a)
		}
	}
	return at.Seq, unread, nil
}

// tellSeen tells the others in a room how far a user has read.
func (c *Core) tellSeen(k readmarks.Key, at readmarks.Mark, by *Actor) {
	defer timing.Contain(c.log, "others not told what a user has read")
	f := wire.Seen{Room: k.Room, User: k.User, Seq: uint64(at.Seq)}
	e := journal.Entry{Room: k.Room, Kind: journal.Signal, From: by.User(), Body: f.Append(nil), Origin: journal.Origin{Node: c.node, Session: by.id}}
	c.journal.Append(c.Soon(), e, func(journal.Receipt, error) {}) // who misses it asks for the members
}

// readOwn lets the user's mark move to their own message, which has this receipt: who
// speaks has read what was said before.
func (a *Actor) readOwn(name string, receipt journal.Receipt) {
	if receipt.Count == 0 {
		return // a duplicate of what is no longer kept
	}
	a.core.sent.Sent(a.markKey(name), readmarks.Mark{Epoch: receipt.Epoch, Seq: receipt.Seq, Count: receipt.Count}, a)
}

// moveToSent moves a mark to what its user has sent. by is the sender.
func (c *Core) moveToSent(k readmarks.Key, to readmarks.Mark, by *Actor) {
	defer timing.Contain(c.log, "read mark not moved")
	ctx := c.Soon()
	in, err := by.standing(ctx, k.Room)
	var page journal.Page
	if err == nil {
		page, err = by.read(ctx, journal.Query{Room: k.Room, Backward: true})
	}
	if err == nil {
		_, _, err = by.moveMark(ctx, k, to, &page, &in)
	}
	if err != nil { // the next message, or the next read, moves it
		c.log.Debug("read mark not moved", zap.Error(err))
	}
}
