package chatv1

import (
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// joining is a room that is being joined. state goes into the answer. open must be
// called after the answer is queued: it starts live delivery.
type joining struct {
	state wire.Room
	open  func()
}

// joinRoom lets the client into a room, or gives it the next page of a room that
// it is in.
func (s *Session) joinRoom(c *wire.Join) error {
	j, err := s.join(c.Place, PageBytes, 1)
	if err != nil {
		return err
	}
	s.answer(&wire.Joined{ID: c.ID, Room: j.state})
	j.open()
	return nil
}

// joinAll joins the rooms of a hello. They share the bytes of one answer.
func (s *Session) joinAll(places []wire.Place) []joining {
	list := make([]joining, 0, len(places))
	left := PageBytes
	for i, p := range places {
		j, err := s.join(p, left/(len(places)-i), 0)
		if err != nil {
			j = joining{wire.Room{Name: p.Room, Refused: s.errorFor(err, nil)}, func() {}}
		}
		for _, e := range j.state.Entries {
			left -= len(e.Body)
		}
		list = append(list, j)
	}
	return list
}

// join subscribes to a room, if the client is not in it, and reads what the
// client has missed: at least so many entries, or else as many as fit into so many
// bytes. What is said from now on is held until the join is opened.
func (s *Session) join(p wire.Place, bytes, least int) (joining, error) {
	sub, count, isNew, err := s.subscribe(p.Room)
	if err != nil {
		return joining{}, err
	}
	missed, err := s.host.CatchUp(Position{p.Room, p.Resume, p.Epoch, journal.Seq(p.After)}, bytes, least)
	users := <-count
	if err != nil {
		if isNew {
			sub.Leave(nil)
			s.forget(slices.Index(s.subs, sub))
		}
		sub.CancelHold()
		return joining{}, err
	}
	state := wire.Room{
		Name:     p.Room,
		Epoch:    missed.Page.Epoch,
		Last:     uint64(missed.Page.Last),
		Entries:  wire.EntriesOf(missed.Page.Entries),
		Gap:      missed.Gap,
		More:     missed.More,
		Read:     uint64(missed.Read),
		Unread:   uint64(missed.Unread),
		Members:  users,
		Write:    missed.Write,
		Moderate: missed.Moderate,
	}
	if !missed.Presence {
		state.Members = -1
	}
	if missed.More {
		return joining{state, sub.Pause}, nil
	}
	return joining{state, func() { sub.Resume(missed.Page.Last) }}, nil
}

// subscribe returns a subscription to the room that is held, and a channel with the
// number of users in the room.
func (s *Session) subscribe(name string) (sub *room.Subscription, count <-chan int, isNew bool, err error) {
	if sub = s.subscription(name); sub != nil {
		return sub, sub.Hold(), false, nil
	}
	if len(s.subs) >= s.host.Settings().Limits.Rooms {
		return nil, nil, false, wire.TooManyRooms.Error("")
	}
	if sub, count, err = s.host.Join(name, s.encoding); err != nil {
		return nil, nil, false, err
	}
	s.subs = append(s.subs, sub)
	return sub, count, true, nil
}

// leave takes the client out of a room.
func (s *Session) leave(c *wire.Leave) error {
	sub := s.subscription(c.Room)
	if sub == nil {
		s.acknowledge(c.ID, c.Room)
		return nil
	}
	var last []byte
	if c.ID != "" {
		last = s.frame(&wire.OK{ID: c.ID, Room: c.Room})
	}
	s.forget(slices.Index(s.subs, sub))
	sub.Leave(last)
	return nil
}

// who lists the users in a room.
func (s *Session) who(c *wire.Who) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	users, count, err := s.host.Who(sub)
	if err != nil {
		return err
	}
	s.answer(&wire.Roster{ID: c.ID, Room: c.Room, Users: users, Members: count})
	return nil
}
