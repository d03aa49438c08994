package acts

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Asked are the actor's standings in some rooms, by name, or why the actor may not read them.
type Asked map[string]asked

// Ask asks in which rooms the actor may be, with one or two requests to the journal for all of
// them, but for no more rooms than one may be in: a client may name thousands, and those beyond are
// refused, whatever became of the others. Join uses the answer, so it must come soon.
func (a Turn) Ask(ctx context.Context, names []string) Asked {
	all, most := make(Asked, len(names)), min(len(names), a.core.settings().MaxRooms)
	for _, name := range names[most:] {
		all[name] = asked{err: wire.TooManyRooms.Error("")}
	}
	for i, in := range a.readers(ctx, names[:most]) {
		all[names[i]] = in
	}
	return all
}

// Apart reports whether one of two had blocked the other.
func (as Asked) Apart(room string) bool { in := as[room]; return in.apart() }

// Join is the act of subscribing a session to a room, which is in so many others. What was
// not asked before is asked now, and added to known. The result is held: see room.Rooms.Join.
func (a Turn) Join(ctx context.Context, s room.Session, name string, known Asked, enc room.Encoding, others int) (*room.Subscription, room.Arrival, error) {
	if others >= a.core.settings().MaxRooms {
		return nil, nil, wire.TooManyRooms.Error("")
	}
	in, ok := known[name]
	if !ok {
		in = a.Ask(ctx, []string{name})[name]
		known[name] = in
	}
	if in.err != nil {
		return nil, nil, in.err
	}
	max := in.MaxMembers
	if in.Conversation {
		max = 0 // who belongs to it may be there
	}
	return a.core.rooms.Join(ctx, name, s, room.Terms{
		Encoding: enc, Visible: a.kind != raw, Max: max, Role: in.seat.Role, Conversation: in.Conversation, Apart: a.kind != raw && in.apart(), // a raw session is told of nobody
	})
}

// catchUpPatience is how long a client waits that has read too much, before it is told to
// join later.
const catchUpPatience = 2 * time.Second

// CatchUp is the act of reading what a client has missed in rooms, as PROTOCOL.md
// says under "Coming back without a hole". The rooms share about PageBytes, with their tags.
func (a Turn) CatchUp(ctx context.Context, from []view.Position) ([]view.Missed, error) {
	if a.readDebt() > catchUpPatience {
		return nil, a.mayReadNow()
	}
	if err := backpressure.AwaitPaid(ctx, a.readDebt, nil); err != nil {
		return nil, err
	}
	keys, rooms := make([]readmarks.Key, len(from)), make([]string, len(from))
	for i := range from {
		keys[i], rooms[i] = a.markKey(from[i].Room), from[i].Room
	}
	marks, err := a.core.marks.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	// Asked after the subscriptions were made: what changes from now on is heard.
	in := a.readers(ctx, rooms)
	list := a.missedBy(ctx, in)
	views, all := make([]view.View, len(from)), make([]int, 0, len(from))
	for i, f := range from {
		if list[i].Err != nil {
			continue
		}
		views[i] = a.view(f.Room, &in[i].standing)
		views[i].Mark, views[i].Joins, views[i].Joined = marks[i], f.Joins, f.Joined
		all = append(all, i)
	}
	if err := a.readMissed(ctx, from, views, list, all, PageBytes); err != nil {
		return nil, err
	}
	var gaps []int
	left := PageBytes
	for i := range list {
		if list[i].Gap {
			gaps = append(gaps, i)
			list[i].Page.Entries = nil
		}
		left -= view.Size(list[i].Page)
	}
	if len(gaps) > 0 {
		err = a.readMissed(ctx, from, views, list, gaps, left)
	}
	for i, f := range from {
		if err == nil && list[i].Err == nil && (f.Apart || list[i].Apart) { // that may be over, or just have begun: who changes it waits for this, or this for them
			err = a.core.live.SetApart(ctx, a.core.rooms, f.Room, a.User().ID)
		}
	}
	if err == nil {
		a.noteArrivals(ctx, from, views, list)
		err = a.finish(ctx, from, views, list)
	}
	return list, err
}

// finish adds how far the user has read, and the tags. What the user is not shown is veiled
// between the two.
func (a *Actor) finish(ctx context.Context, from []view.Position, views []view.View, list []view.Missed) error {
	err := a.addMarks(ctx, from, views, list)
	for i := range list {
		if m := &list[i]; err == nil && m.Err == nil {
			m.First, err = views[i].Veil(ctx, &m.Page, !m.More)
		}
	}
	if err == nil {
		err = a.addTags(ctx, from, list)
	}
	return err
}

// State is the act of asking how a room is shown to the actor, without its entries.
func (a Turn) State(ctx context.Context, room string) (view.Missed, error) {
	in := a.readers(ctx, []string{room})
	if in[0].err == nil {
		in[0].err = a.mayReadNow()
	}
	list := a.missedBy(ctx, in)
	m := &list[0]
	if m.Err != nil {
		return *m, m.Err
	}
	marks, err := a.core.marks.Get(ctx, []readmarks.Key{a.markKey(room)})
	if err != nil {
		return *m, err
	}
	v, err := a.viewOf(ctx, room, &in[0].standing)
	if err != nil {
		return *m, err
	}
	if m.Page, err = a.read(ctx, journal.Query{Room: room, Backward: true}); err != nil {
		return *m, err
	}
	v.Mark = marks[0]
	v.Hide(&m.Page, true, time.Now()) // there are no entries, but pins
	err = a.finish(ctx, []view.Position{{Room: room}}, []view.View{v}, list)
	return *m, err
}

// addTags adds what the messages are tagged with, and which are pinned. What it removes of a page that
// follows what the client has, the client asks for; of others it can.
func (a *Actor) addTags(ctx context.Context, from []view.Position, list []view.Missed) error {
	asked := make([]tags.Asked, 0, len(list))
	for i := range list {
		if m := &list[i]; m.Err == nil {
			asked = append(asked, tags.Asked{Room: from[i].Room, Page: &m.Page, Backward: !from[i].Resume || m.Gap, Pins: true})
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
		if m.More = from[i].Resume && !m.Gap && m.Page.More; from[i].Resume && err == nil {
			a.core.resumed(&from[i], m)
		}
	}
	return err
}

// missedBy returns how rooms are shown to the actor, whose standing there is in.
func (a *Actor) missedBy(ctx context.Context, in []asked) []view.Missed {
	list := make([]view.Missed, len(in))
	var others []string
	var with []*view.Missed
	for i := range in {
		s, m := &in[i], &list[i]
		if m.Err = s.err; m.Err != nil {
			continue
		}
		m.Write, m.Moderate, m.Presence = s.Write, s.Moderate, s.Presence
		m.Conversation, m.Role, m.Of, m.Apart = s.Conversation, s.seat.Role, s.room, s.apart()
		if other := s.room.With(a.User().ID); other != "" {
			others, with = append(others, other), append(with, m)
		}
	}
	if len(others) == 0 {
		return list
	}
	users, err := a.core.profiles.Of(ctx, others)
	for i, m := range with {
		if m.Err = err; err == nil {
			m.With = users[i]
		}
	}
	return list
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
	pages, err := a.pages(ctx, max(bytes, 1)+set.MaxMessage, func() (pages []journal.Page, err error) {
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
			at, _, err := a.core.marks.Move(ctx, a.markKey(from[i].Room), a.addr, readmarks.Mark{Epoch: page.Epoch, From: first}, a.core.settings().Marks)
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

// resumed counts how a client came back. That it is ahead of the journal proves nothing: the
// client may be wrong. But it is what is seen first of a journal that has lost its end.
func (c *Core) resumed(from *view.Position, m *view.Missed) {
	how := view.ResumeOf(from, m)
	if how == view.ResumedAhead && c.saidAhead.Allow(c.Now(), aheadInterval) {
		c.log.Warn("a client has seen entries that the journal does not have",
			zap.Uint64("after", uint64(from.After)), zap.Uint64("last", uint64(m.Page.Last)))
	}
	c.Counts.Resumed[how].Add(1)
}

// Who is the act of asking who is in a room, and how many.
func (a Turn) Who(ctx context.Context, sub *room.Subscription) ([]wire.User, int, error) {
	in, err := a.reader(ctx, sub.Room())
	if err != nil {
		return nil, 0, err
	}
	if err := a.mayReadNow(); err != nil || !in.Presence {
		return nil, 0, cmp.Or(err, error(wire.Forbidden.Error("")))
	}
	users, n, err := sub.Who(ctx)
	a.owe(readCost + view.UsersSize(users)) // of what others are called, and look like
	return users, n, err
}
