package chatv1

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
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
	j := s.joinAll([]wire.Place{c.Place})[0]
	if j.state.Refused != nil {
		return j.state.Refused
	}
	s.answer(&wire.Joined{ID: c.ID, Room: j.state})
	j.open()
	return nil
}

// entering is a subscription that is held: what is said from now on is kept until the
// join is opened or undone.
type entering struct {
	index int // of its place
	sub   *room.Subscription
	count <-chan int // how many users are in the room
	isNew bool
}

// users waits for the number of users, until ctx ends.
func (e *entering) users(ctx context.Context) (int, error) {
	select {
	case n := <-e.count: // also if ctx has just ended
		return n, nil
	default:
	}
	select {
	case n := <-e.count:
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// joinAll subscribes to rooms, if the client is not in them, and reads what the client
// has missed there. The rooms share the bytes of one answer, and a few reads.
func (s *Session) joinAll(places []wire.Place) []joining {
	list := make([]joining, len(places))
	entered := make([]entering, 0, len(places))
	from := make([]acts.Position, 0, len(places))
	for i, p := range places {
		sub, count, isNew, err := s.subscribe(p.Room)
		if err != nil {
			list[i] = s.refused(p.Room, err)
			continue
		}
		entered = append(entered, entering{i, sub, count, isNew})
		from = append(from, acts.Position{Room: p.Room, Resume: p.Resume, Epoch: p.Epoch, After: journal.Seq(p.After)})
	}
	if len(entered) == 0 {
		return list
	}
	ctx := s.actor.Soon()
	missed, err := s.actor.CatchUp(ctx, from, acts.PageBytes)
	for i, e := range entered {
		users, failed := e.users(ctx)
		switch {
		case err != nil:
			failed = err
		case missed[i].Err != nil:
			failed = missed[i].Err
		}
		if failed != nil {
			s.undo(e)
			list[e.index] = s.refused(from[i].Room, failed)
			continue
		}
		list[e.index] = join(e.sub, &missed[i], users)
	}
	return list
}

func (s *Session) refused(name string, err error) joining {
	return joining{wire.Room{Name: name, Refused: s.errorFor(err, nil)}, func() {}}
}

// undo gives up a join whose room could not be read.
func (s *Session) undo(e entering) {
	if e.isNew {
		e.sub.Leave(nil)
		s.forget(slices.Index(s.subs, e.sub))
	}
	e.sub.CancelHold()
}

// join returns what the client is told of a room that it has joined.
func join(sub *room.Subscription, missed *acts.Missed, users int) joining {
	state := wire.Room{
		Name:     sub.Room(),
		Epoch:    missed.Page.Epoch,
		Last:     uint64(missed.Page.Last),
		Entries:  wire.EntriesOf(missed.Page.Entries),
		Gap:      missed.Gap,
		More:     missed.More,
		Read:     uint64(missed.Read),
		Unread:   missed.Unread,
		Members:  users,
		Write:    missed.Write,
		Moderate: missed.Moderate,
	}
	if !missed.Presence {
		state.Members = -1
	}
	if missed.More {
		return joining{state, sub.Pause}
	}
	last := missed.Page.Last
	return joining{state, func() { sub.Resume(last) }}
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
	if sub, count, err = s.actor.Join(s.actor.Soon(), s.host, name, s.encoding); err != nil {
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
	users, count, err := s.actor.Who(s.actor.Soon(), sub)
	if err != nil {
		return err
	}
	s.answer(&wire.Roster{ID: c.ID, Room: c.Room, Users: users, Members: count})
	return nil
}
