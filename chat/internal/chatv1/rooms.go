package chatv1

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/view"
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
func (s *Session) joinRoom(t acts.Turn, c *wire.Join) error {
	j := s.joinAll(t, []wire.Place{c.Place})[0]
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
	index   int // of its place
	sub     *room.Subscription
	arrival room.Arrival
	isNew   bool
	members int // set when it has arrived
}

// joinAll subscribes to rooms, if the client is not in them, and reads what the client
// has missed there. The rooms share the bytes of one answer, and a few reads.
func (s *Session) joinAll(t acts.Turn, places []wire.Place) []joining {
	s.host.AwaitClient() // before anything is read for it
	list := make([]joining, len(places))
	ctx := t.Soon()
	entered, known := s.subscribeAll(ctx, t, places, list)
	if len(entered) == 0 {
		return list
	}
	from := make([]view.Position, len(entered))
	for n, e := range entered {
		p := &places[e.index]
		from[n] = view.Position{Room: p.Room, Resume: p.Resume, Epoch: p.Epoch, After: journal.Seq(p.After), Joins: e.isNew, Joined: e.sub.Joined(), Apart: known.Apart(p.Room)}
	}
	missed, err := t.CatchUp(ctx, from)
	for i, e := range entered {
		failed := err
		if failed == nil {
			failed = missed[i].Err
		}
		if failed != nil {
			s.undo(e)
			list[e.index] = s.refused(from[i].Room, failed)
			continue
		}
		if missed[i].Conversation {
			e.sub.SetRole(missed[i].Role, missed[i].Of.Version)
		}
		list[e.index] = join(e.sub, &missed[i], e.members)
	}
	return list
}

// subscribeAll subscribes to rooms, and returns the subscriptions that are in them. The
// others are refused in list. It also returns what was asked before.
func (s *Session) subscribeAll(ctx context.Context, t acts.Turn, places []wire.Place, list []joining) ([]entering, acts.Asked) {
	var strange []string
	for _, p := range places {
		if s.subscription(p.Room) == nil {
			strange = append(strange, p.Room)
		}
	}
	known := t.Ask(ctx, strange)
	entered := make([]entering, 0, len(places))
	for i, p := range places {
		e, err := s.subscribe(ctx, t, p.Room, known)
		if err != nil {
			list[i] = s.refused(p.Room, err)
			continue
		}
		e.index = i
		entered = append(entered, e)
	}
	in := entered[:0]
	for _, e := range entered {
		var err error
		if e.members, err = e.arrival.Wait(ctx); err != nil {
			s.undo(e)
			list[e.index] = s.refused(e.sub.Room(), err)
			continue
		}
		in = append(in, e)
	}
	return in, known
}

func (s *Session) refused(name string, err error) joining {
	return joining{wire.Room{Name: name, Refused: s.errorFor(err, nil)}, func() {}}
}

// undo gives up a join whose room could not be read.
func (s *Session) undo(e entering) {
	if e.isNew {
		e.sub.Leave(nil)
		if i := slices.Index(s.subs, e.sub); i >= 0 { // not if its room stood twice, and it has ended
			s.forget(i)
		}
	}
	e.sub.CancelHold()
}

// join returns what the client is told of a room that it has joined.
func join(sub *room.Subscription, missed *view.Missed, users int) joining {
	state := wire.Room{
		Name:     sub.Room(),
		Epoch:    missed.Page.Epoch,
		Last:     uint64(missed.Page.Last),
		Entries:  missed.Tags.Entries(missed.Page.Entries),
		Gap:      missed.Gap,
		More:     missed.More,
		Read:     uint64(missed.Read),
		Unread:   missed.Unread,
		Members:  users,
		Write:    missed.Write,
		Moderate: missed.Moderate,
		Pins:     missed.Pins,
	}
	if !missed.Presence {
		state.Members = -1
	}
	if missed.Conversation {
		state.Conversation = conversation(missed)
	}
	if missed.More {
		return joining{state, sub.Pause}
	}
	last, from := missed.Page.Last, missed.First
	return joining{state, func() { sub.Resume(last, from) }}
}

// subscribe returns a subscription to the room that is held. Its index is not set. known is what
// was asked about this room and others.
func (s *Session) subscribe(ctx context.Context, t acts.Turn, name string, known acts.Asked) (entering, error) {
	if sub := s.subscription(name); sub != nil {
		return entering{sub: sub, arrival: sub.Hold()}, nil
	}
	sub, arrival, err := t.Join(ctx, s.host, name, known, s.encoding, len(s.subs))
	if err != nil {
		return entering{}, err
	}
	s.subs = append(s.subs, sub)
	return entering{sub: sub, arrival: arrival, isNew: true}, nil
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
func (s *Session) who(t acts.Turn, c *wire.Who) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	users, count, err := t.Who(t.Soon(), sub)
	if err != nil {
		return err
	}
	s.answer(&wire.Roster{ID: c.ID, Room: c.Room, Users: users, Members: count})
	return nil
}
