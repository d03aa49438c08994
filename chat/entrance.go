package chat

import (
	"slices"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// entrance is a room that a client has asked for: what it is answered, and what
// must be done behind that answer so that the room is heard.
type entrance struct {
	state wire.Room
	open  func()
}

// join lets the client into a room, or gives it the next page of one that it is
// in.
func (t *conversation) join(c *wire.Join) error {
	e, err := t.enter(c.Place, pageBytes, 1)
	if err != nil {
		return err
	}
	t.answer(&wire.Joined{ID: c.ID, Room: e.state})
	e.open()
	return nil
}

// enterAll lets the client into the rooms of a hello. They share the space of
// one answer.
func (t *conversation) enterAll(places []wire.Place) []entrance {
	list := make([]entrance, 0, len(places))
	left := pageBytes
	for i, p := range places {
		e, err := t.enter(p, left/(len(places)-i), 0)
		if err != nil {
			e = entrance{wire.Room{Name: p.Room, Refused: t.wireError(err, nil)}, func() {}}
		}
		for _, entry := range e.state.Entries {
			left -= len(entry.Body)
		}
		list = append(list, e)
	}
	return list
}

// enter makes the client a member of the room, if it is none, and reads what it
// has missed: at least so many entries, else as many as fit into budget bytes.
// What is said from then on is held back until the entrance is opened.
func (t *conversation) enter(p wire.Place, budget, least int) (entrance, error) {
	m, counted, isNew, err := t.occupy(p.Room)
	if err != nil {
		return entrance{}, err
	}
	r := m.room
	state, page, err := t.catchUp(p, budget, least)
	state.Members = <-counted
	if !t.session.rights(p.Room).Presence {
		state.Members = -1
	}
	if err != nil {
		if isNew {
			r.do(func() { r.leave(m, nil, true) })
			t.forget(slices.Index(t.members, m))
		}
		r.do(func() { r.unhold(m) })
		return entrance{}, err
	}
	open := func() { r.do(func() { r.release(m, page.Last) }) }
	if state.More {
		open = func() { r.do(func() { r.deafen(m) }) }
	}
	return entrance{state, open}, nil
}

// occupy returns the client's place in the room, held back, and where the number
// of users will come from once the place is taken.
func (t *conversation) occupy(name string) (m *member, counted <-chan int, isNew bool, err error) {
	count := make(chan int, 1)
	if m = t.place(name); m != nil {
		m.room.do(func() {
			defer close(count) // whatever happens, nobody waits for ever
			m.room.hold(m)
			count <- m.room.present.here
		})
		return m, count, false, nil
	}
	if err := t.mayEnter(name); err != nil {
		return nil, nil, false, err
	}
	r, err := t.session.hub.acquire(name, t.session.rights(name).MaxMembers)
	if err != nil {
		return nil, nil, false, err
	}
	m = &member{session: t.session, room: r, dialect: t.dialect}
	t.members = append(t.members, m)
	r.do(func() {
		defer close(count)
		r.join(m)
		r.review(m) // what has changed since mayEnter found the room without it
		count <- r.present.here
	})
	return m, count, true, nil
}

func (t *conversation) mayEnter(room string) error {
	if len(t.members) >= t.session.hub.settings().MaxRooms {
		return wire.TooManyRooms.Error("")
	}
	return t.session.mayRead(room)
}

// catchUp reads what the client has not, as PROTOCOL.md says under "Coming back
// without a hole".
func (t *conversation) catchUp(p wire.Place, budget, least int) (wire.Room, Page, error) {
	rights := t.session.rights(p.Room)
	state := wire.Room{Name: p.Room, Write: rights.Write, Moderate: rights.Moderate}
	limits := pageLimits{t.session.hub.settings().MaxPage, budget, least}
	after := Seq(p.After)
	newest := Query{Room: p.Room, Backward: true}
	var page Page
	var err error
	if p.Resume {
		page, err = t.readPage(Query{Room: p.Room, After: after}, limits)
		state.Gap = page.Epoch != p.Epoch || after > page.Last || after+1 < page.First
		state.More = !state.Gap && page.More
		if err == nil {
			t.session.hub.counts.resumed[outcome(&state)].Add(1)
		}
	}
	if err == nil && (!p.Resume || state.Gap) {
		page, err = t.readPage(newest, limits)
	}
	if err != nil {
		return state, page, err
	}
	mark, err := t.session.hub.marks.get(t.context(), markKey{t.session.user().ID, p.Room}, page.Epoch, t.session.user().Guest)
	if err != nil {
		return state, page, err
	}
	state.Epoch, state.Last = page.Epoch, uint64(page.Last)
	state.Entries = wireEntries(page.Entries)
	state.Read, state.Unread = uint64(mark), uint64(unread(page, mark))
	return state, page, nil
}

func outcome(r *wire.Room) Resume {
	switch {
	case r.Gap:
		return ResumedGap
	case r.More:
		return ResumedPaged
	}
	return ResumedWhole
}

// unread is how many entries above a mark are kept.
func unread(p Page, mark Seq) Seq { return p.Last - max(mark, p.First-1) }

// leave takes the client out of a room.
func (t *conversation) leave(c *wire.Leave) error {
	m := t.place(c.Room)
	if m == nil {
		t.acknowledge(c.ID, c.Room)
		return nil
	}
	var last []byte
	if c.ID != "" {
		last = t.frame(&wire.OK{ID: c.ID, Room: c.Room})
	}
	t.forget(slices.Index(t.members, m))
	m.room.do(func() { m.room.leave(m, last, true) })
	return nil
}

// who tells who is in a room.
func (t *conversation) who(c *wire.Who) error {
	m, err := t.member(c.Room)
	if err != nil {
		return err
	}
	if !t.session.rights(c.Room).Presence {
		return wire.Forbidden.Error("")
	}
	found := make(chan wire.Roster, 1)
	r := m.room
	r.do(func() {
		defer close(found)
		found <- wire.Roster{ID: c.ID, Room: c.Room, Users: r.present.roster(), Members: r.present.here}
	})
	roster := <-found
	t.answer(&roster)
	return nil
}
