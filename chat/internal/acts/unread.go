package acts

import (
	"context"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// MarkRead is the act of moving the user's read mark to seq, or to the newest
// entry if seq is above that. It returns where the mark is now and how many
// messages are unread. The user's other sessions in the room are told.
func (a Turn) MarkRead(ctx context.Context, sub *room.Subscription, seq journal.Seq) (mark journal.Seq, unread uint64, err error) {
	name := sub.Room()
	in, err := a.reader(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	page, err := a.read(ctx, journal.Query{Room: name, Backward: true})
	if err != nil {
		return 0, 0, err
	}
	to := readmarks.Mark{Epoch: page.Epoch, Seq: min(seq, page.Last)}
	if to.Count, err = a.countAt(ctx, name, to.Seq, &page); err != nil {
		return 0, 0, err
	}
	return a.moveMark(ctx, a.markKey(name), to, &page, &in)
}

// moveMark moves a mark, and tells the user's other sessions if it has moved. page is
// one of the room.
func (a *Actor) moveMark(ctx context.Context, k readmarks.Key, to readmarks.Mark, page *journal.Page, in *standing) (mark journal.Seq, unread uint64, err error) {
	at, moved, err := a.core.marks.Move(ctx, k, access.AddressKey(a.addr), to, a.core.settings().Marks)
	if err != nil {
		return 0, 0, err
	}
	if unread, err = a.unread(ctx, k.Room, page, &shown{history: in.History, seat: in.seat, row: in.row, mark: at}); err != nil {
		return 0, 0, err
	}
	if moved {
		told := wire.Mark{Room: k.Room, Seq: uint64(at.Seq), Unread: unread}
		a.core.journal.Append(ctx, journal.Entry{
			Room: k.Room, Kind: journal.Aside, From: a.User(), Body: told.Append(nil),
			Origin: journal.Origin{Node: a.core.node, Session: a.id},
		}, func(journal.Receipt, error) {})
		if in.seat.Role != access.NoRole {
			a.core.live.Tell(ctx, k.User, k.Room)
			if in.room.Size <= in.Receipts {
				a.core.seen.Sent(k, at, a)
			}
		}
	}
	return at.Seq, unread, nil
}

// tellSeen tells the others in a room how far a user has read.
func (c *Core) tellSeen(k readmarks.Key, at readmarks.Mark, by *Actor) {
	defer contain(c.log, "others not told what a user has read")
	f := wire.Seen{Room: k.Room, User: k.User, Seq: uint64(at.Seq)}
	e := journal.Entry{Room: k.Room, Kind: journal.Signal, From: by.User(), Body: f.Append(nil), Origin: journal.Origin{Node: c.node, Session: by.id}}
	c.journal.Append(c.Soon(), e, func(journal.Receipt, error) {}) // who misses it asks for the members
}

// contain ends a panic.
func contain(log *zap.Logger, what string) {
	if v := recover(); v != nil {
		log.Error(what+" because of a panic", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
	}
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
	defer contain(c.log, "read mark not moved")
	ctx := c.Soon()
	in, err := by.standing(ctx, k.Room)
	var page journal.Page
	if err == nil {
		page, err = by.read(ctx, journal.Query{Room: k.Room, Backward: true})
	}
	if err == nil {
		_, _, err = by.moveMark(ctx, k, to, &page, &in)
	}
	if err != nil {
		// The next message, or the next read, moves it.
		if entry := c.log.Check(zap.DebugLevel, "read mark not moved"); entry != nil {
			entry.Write(zap.Error(err))
		}
	}
}

// unread returns how many messages the user has not read whose mark is in s: of those
// that are kept and that the user is shown. page is one of the room. It costs two
// reads of one entry where the policy hides something, and some more only where an unread
// message is too old to be shown: see lastHidden.
func (a *Actor) unread(ctx context.Context, name string, page *journal.Page, s *shown) (uint64, error) {
	at := s.mark.In(page.Epoch)
	cleared := s.row.In(page.Epoch)
	at.Seq, at.Count = max(at.Seq, s.seat.Since, cleared.Cleared), max(at.Count, s.seat.Count, cleared.ClearedCount)
	n := page.Unread(at.Count)
	if n == 0 || s.history == (access.History{}) {
		return n, nil
	}
	hidden, err := a.hiddenAbove(ctx, name, s, page, at.Seq)
	if err != nil || hidden <= at.Seq {
		return n, err
	}
	count, err := a.countAt(ctx, name, hidden, page)
	return page.Unread(max(at.Count, count)), err
}

// hiddenAbove returns the number of the newest entry that is hidden, or any number up
// to mark if no entry above mark is hidden.
func (a *Actor) hiddenAbove(ctx context.Context, name string, s *shown, page *journal.Page, mark journal.Seq) (hidden journal.Seq, err error) {
	from, newest := s.from(page)
	switch h := s.history; {
	case h.Entries < 0, h.Joined:
		hidden = newest
	case h.Entries > 0 && newest > journal.Seq(h.Entries):
		hidden = newest - journal.Seq(h.Entries)
	}
	if from > 0 {
		hidden = min(hidden, from-1)
	}
	if s.history.Age <= 0 || from > 0 && max(mark, hidden) >= from-1 {
		return hidden, nil
	}
	now := time.Now()
	next, err := a.read(ctx, journal.Query{Room: name, After: max(mark, hidden), Limit: 1})
	if err != nil || len(next.Entries) == 0 || !isOlder(&next.Entries[0], s.history.Age, now) {
		return hidden, err
	}
	tooOld, err := a.lastHidden(ctx, name, s, &next, now)
	return max(hidden, tooOld), err
}

// countAt returns how many counting entries a room had up to a number. page is one of
// the room.
func (a *Actor) countAt(ctx context.Context, name string, seq journal.Seq, page *journal.Page) (uint64, error) {
	if seq >= page.Last {
		return page.Count, nil
	}
	found, err := a.read(ctx, journal.Query{Room: name, Backward: true, Before: seq + 1, Limit: 1})
	if err != nil || len(found.Entries) == 0 {
		return page.Dropped, err
	}
	return found.Entries[0].Count, nil
}
