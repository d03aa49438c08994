package view

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Unread returns how many messages the user has not read whose mark is in v: of those
// that are kept and that the user is shown. page is one of the room. It costs two
// reads of one entry where the policy hides something, and some more only where an unread
// message is too old to be shown: see lastHidden.
func (v *View) Unread(ctx context.Context, page *journal.Page) (uint64, error) {
	at := v.Mark.In(page.Epoch)
	cleared := v.Row.In(page.Epoch)
	at.Seq, at.Count = max(at.Seq, v.Seat.Since, cleared.Cleared), max(at.Count, v.Seat.Count, cleared.ClearedCount)
	n := page.Unread(at.Count)
	if n == 0 || v.History == (access.History{}) {
		return n, nil
	}
	hidden, err := v.hiddenAbove(ctx, page, at.Seq)
	if err != nil || hidden <= at.Seq {
		return n, err
	}
	count, err := v.CountAt(ctx, hidden, page)
	return page.Unread(max(at.Count, count)), err
}

// hiddenAbove returns the number of the newest entry that is hidden, or any number up
// to mark if no entry above mark is hidden.
func (v *View) hiddenAbove(ctx context.Context, page *journal.Page, mark journal.Seq) (hidden journal.Seq, err error) {
	from, newest := v.from(page)
	switch h := v.History; {
	case h.Entries < 0, h.Joined:
		hidden = newest
	case h.Entries > 0 && newest > journal.Seq(h.Entries):
		hidden = newest - journal.Seq(h.Entries)
	}
	if from > 0 {
		hidden = min(hidden, from-1)
	}
	if v.History.Age <= 0 || from > 0 && max(mark, hidden) >= from-1 {
		return hidden, nil
	}
	now := time.Now()
	next, err := v.Read(ctx, journal.Query{Room: v.Room, After: max(mark, hidden), Limit: 1})
	if err != nil || len(next.Entries) == 0 || !isOlder(&next.Entries[0], v.History.Age, now) {
		return hidden, err
	}
	tooOld, err := v.lastHidden(ctx, &next, now)
	return max(hidden, tooOld), err
}

// CountAt returns how many counting entries a room had up to a number. page is one of
// the room.
func (v *View) CountAt(ctx context.Context, seq journal.Seq, page *journal.Page) (uint64, error) {
	if seq >= page.Last {
		return page.Count, nil
	}
	found, err := v.Read(ctx, journal.Query{Room: v.Room, Backward: true, Before: seq + 1, Limit: 1})
	if err != nil || len(found.Entries) == 0 {
		return page.Dropped, err
	}
	return found.Entries[0].Count, nil
}
