package acts

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Join is the act of subscribing a session to a room, which is in so many others. The
// result is held: see room.Rooms.Join.
func (a Turn) Join(ctx context.Context, s room.Session, name string, enc room.Encoding, others int) (*room.Subscription, room.Arrival, error) {
	if others >= a.core.settings().MaxRooms {
		return nil, nil, wire.TooManyRooms.Error("")
	}
	if err := wire.CheckRoom(name); err != nil {
		return nil, nil, err
	}
	in, err := a.reader(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	max := in.MaxMembers
	if in.Conversation {
		max = 0 // who belongs to it may be there
	}
	return a.core.rooms.Join(ctx, name, s, room.Terms{
		Encoding: enc, Visible: a.kind != raw, Max: max, Role: in.seat.Role, Conversation: in.Conversation, Apart: in.apart(),
	})
}

// catchUpPatience is how long a client waits that has read too much, before it is told to
// join later.
const catchUpPatience = 2 * time.Second

// CatchUp is the act of reading what a client has missed in rooms, as PROTOCOL.md
// says under "Coming back without a hole". The rooms share about so many bytes.
func (a Turn) CatchUp(ctx context.Context, from []view.Position, bytes int) ([]view.Missed, error) {
	if a.readDebt() > catchUpPatience {
		return nil, a.mayReadNow()
	}
	if err := a.awaitRate(ctx, nil); err != nil {
		return nil, err
	}
	keys := make([]readmarks.Key, len(from))
	for i := range from {
		keys[i] = a.markKey(from[i].Room)
	}
	marks, err := a.core.marks.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	list := make([]view.Missed, len(from))
	views := make([]view.View, len(from))
	all := make([]int, 0, len(from))
	for i, f := range from {
		// Asked after the subscription was made: what changes from now on is heard.
		in, err := a.reader(ctx, f.Room)
		if err != nil {
			list[i].Err = err
			continue
		}
		if list[i] = a.missedBy(ctx, &in); list[i].Err != nil {
			continue
		}
		views[i] = a.view(f.Room, &in)
		views[i].Mark, views[i].Joins, views[i].Joined = marks[i], f.Joins, f.Joined
		all = append(all, i)
	}
	if err := a.readMissed(ctx, from, views, list, all, bytes); err != nil {
		return nil, err
	}
	var gaps []int
	for i := range list {
		if list[i].Gap {
			gaps = append(gaps, i)
			list[i].Page.Entries = nil
		}
		for e := range list[i].Page.Entries {
			bytes -= list[i].Page.Entries[e].Size()
		}
	}
	if len(gaps) > 0 {
		err = a.readMissed(ctx, from, views, list, gaps, bytes)
	}
	if err == nil {
		a.noteArrivals(ctx, from, views, list)
		err = a.addMarks(ctx, from, views, list)
	}
	for i := range list {
		if m := &list[i]; err == nil && m.Err == nil {
			m.First, err = views[i].Veil(ctx, &m.Page, !m.More)
		}
	}
	if err == nil {
		err = a.addTags(ctx, from, list)
	}
	return list, err
}

// State is the act of asking how a room is shown to the actor, without its entries.
func (a Turn) State(ctx context.Context, room string) (m view.Missed, err error) {
	if err := wire.CheckRoom(room); err != nil {
		return m, err
	}
	in, err := a.reader(ctx, room)
	if err == nil {
		err = a.mayReadNow()
	}
	if err != nil {
		return m, err
	}
	if m = a.missedBy(ctx, &in); m.Err != nil {
		return m, m.Err
	}
	v, err := a.viewOf(ctx, room, &in)
	if err != nil {
		return m, err
	}
	if m.Page, err = a.read(ctx, journal.Query{Room: room, Backward: true}); err != nil {
		return m, err
	}
	marks, err := a.core.marks.Get(ctx, []readmarks.Key{a.markKey(room)})
	if err != nil {
		return m, err
	}
	v.Mark = marks[0]
	v.Hide(&m.Page, true, time.Now()) // there are no entries, but pins
	if m.First, err = v.Veil(ctx, &m.Page, true); err != nil {
		return m, err
	}
	list := []view.Missed{m}
	if err = a.addMarks(ctx, []view.Position{{Room: room}}, []view.View{v}, list); err == nil {
		err = a.addTags(ctx, []view.Position{{Room: room}}, list)
	}
	return list[0], err
}

// addTags adds what the messages are tagged with, and which are pinned.
func (a *Actor) addTags(ctx context.Context, from []view.Position, list []view.Missed) error {
	asked := make([]tags.Asked, 0, len(list))
	for i := range list {
		if m := &list[i]; m.Err == nil {
			asked = append(asked, tags.Asked{Room: from[i].Room, Entries: m.Page.Entries, Pins: true})
		}
	}
	found, err := a.tagsOf(ctx, asked...)
	for i := range list {
		m := &list[i]
		if m.Err != nil {
			continue
		}
		m.Tags, m.Pins = found[0].Tags, found[0].Pins
		m.Pins = slices.DeleteFunc(m.Pins, func(seq uint64) bool { return seq < uint64(max(m.First, m.Page.First)) })
		found = found[1:]
	}
	return err
}

// missedBy returns how a room is shown to the actor, who has that standing there.
func (a *Actor) missedBy(ctx context.Context, in *standing) view.Missed {
	m := view.Missed{
		Write: in.Write, Moderate: in.Moderate, Presence: in.Presence,
		Conversation: in.Conversation, Role: in.seat.Role, Of: in.room, Apart: in.apart(),
	}
	if other := in.room.With(a.User().ID); other != "" {
		users, err := a.core.profiles.Of(ctx, []string{other})
		if err != nil {
			return view.Missed{Err: err}
		}
		m.With = users[0]
	}
	return m
}

// readMissed reads pages of the rooms whose indexes are in which: what follows the
// client's position, or the newest page if it has none or there is a gap.
func (a *Actor) readMissed(ctx context.Context, from []view.Position, views []view.View, list []view.Missed, which []int, bytes int) error {
	set := a.core.settings()
	queries := make([]journal.Query, len(which))
	share := max(bytes/max(len(which), 1), 1)
	for n, i := range which {
		resumes := from[i].Resume && !list[i].Gap
		queries[n] = journal.Query{Room: from[i].Room, Backward: !resumes, After: from[i].After, Limit: set.MaxPage, Bytes: share}
	}
	var errs []error
	pages, err := a.pages(ctx, max(bytes, 1), func() (pages []journal.Page, err error) {
		pages, errs, err = view.Pages(ctx, a.core.journal, queries, max(bytes, 1))
		return pages, err
	})
	if err != nil {
		return err
	}
	for n, i := range which {
		m, q := &list[i], &queries[n]
		if m.Err = errs[n]; m.Err != nil {
			continue
		}
		m.Page = pages[n]
		views[i].Hide(&m.Page, q.Backward, time.Now())
		view.Shorten(&m.Page, q.Backward, view.Bounds{Entries: set.MaxPage, Bytes: share, Least: 1})
		if !q.Backward {
			m.Gap = view.HasGap(from[i].Epoch, from[i].After, &m.Page)
			m.More = !m.Gap && m.Page.More
			a.core.Counts.Resumed[a.core.resumeOf(&from[i], m)].Add(1)
		}
	}
	return nil
}

// noteArrivals notes where the user has come in, in rooms of which not everything is
// shown: what is said from there on is always shown to them. Where that cannot be stored,
// such as on a full disk, the user may be told of a gap later.
func (a *Actor) noteArrivals(ctx context.Context, from []view.Position, views []view.View, list []view.Missed) {
	var noting sync.WaitGroup // their writes share a commit
	for i := range list {
		page, v := &list[i].Page, &views[i]
		if list[i].Err != nil || !v.Hides() || v.Seat.Since > 0 || v.Mark.In(page.Epoch).From > 0 || a.identity.Load() == nil {
			continue
		}
		first := page.Last + 1
		if len(page.Entries) > 0 {
			first = page.Entries[0].Seq
		}
		noting.Go(func() {
			at, _, err := a.core.marks.Move(ctx, a.markKey(from[i].Room), access.AddressKey(a.addr), readmarks.Mark{Epoch: page.Epoch, From: first}, a.core.settings().Marks)
			if err != nil {
				a.core.log.Debug("not noted where a user came in", zap.Error(err))
				return
			}
			v.Mark = at
		})
	}
	noting.Wait()
}

// addMarks adds how far the user has read each room.
func (a *Actor) addMarks(ctx context.Context, from []view.Position, views []view.View, list []view.Missed) (err error) {
	for i := range list {
		if list[i].Err != nil {
			continue
		}
		page := &list[i].Page
		list[i].Read = max(views[i].Mark.In(page.Epoch).Seq, min(views[i].Seat.Since, page.Last), views[i].Row.In(page.Epoch).Cleared)
		if list[i].Unread, err = views[i].Unread(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

// aheadInterval is how often it is logged at most that a client was ahead.
const aheadInterval = time.Hour

// resumeOf returns what a client that came back found. That it is ahead of the journal
// proves nothing: the client may be wrong. But it is what is seen first of a journal
// that has lost its end.
func (c *Core) resumeOf(from *view.Position, m *view.Missed) view.Resume {
	switch {
	case m.Gap && m.Page.Epoch == from.Epoch && from.After > m.Page.Last:
		if c.saidAhead.Allow(c.Now(), aheadInterval) {
			c.log.Warn("a client has seen entries that the journal does not have",
				zap.Uint64("after", uint64(from.After)), zap.Uint64("last", uint64(m.Page.Last)))
		}
		return view.ResumedAhead
	case m.Gap:
		return view.ResumedGap
	case m.More:
		return view.ResumedPaged
	}
	return view.ResumedWhole
}

// Who is the act of asking who is in a room, and how many.
func (a Turn) Who(ctx context.Context, sub *room.Subscription) ([]wire.User, int, error) {
	in, err := a.reader(ctx, sub.Room())
	if err != nil {
		return nil, 0, err
	}
	if !in.Presence {
		return nil, 0, wire.Forbidden.Error("")
	}
	return sub.Who(ctx)
}
