package room

import (
	"context"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Subscription is one session in one room, made by Rooms.Join. It begins held: what
// is said in the room is kept until Resume or Pause is called. Any goroutine may call
// its methods. What changes the subscription is done by the room's worker, in the
// order of the calls and between two entries.
type Subscription struct {
	receiver
	room   *Room       // fixed
	joined journal.Seq // fixed; see Joined
	spoken atomic.Bool // the worker knows, or is about to, that entries come from here
}

// Arrival is what the room's worker will say of a session that has come, or come back.
type Arrival <-chan arrived

type arrived struct {
	refused *wire.Error // why it is not in the room; nil: it is
	members int         // how many users are then present
}

// Wait returns how many users are then present, or why the session is not in the room,
// or the error of ctx if that ends first.
func (a Arrival) Wait(ctx context.Context) (members int, err error) {
	var said arrived
	select {
	case said = <-a: // also if ctx has just ended
	default:
		select {
		case said = <-a:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if said.refused != nil {
		return 0, said.refused
	}
	return said.members, nil
}

// arrive lets the worker call f, and then say whether the session is in the room.
func (s *Subscription) arrive(f func()) Arrival {
	arrival := make(chan arrived, 1)
	s.room.do(func() {
		said := arrived{refused: wire.Internal.Error("")} // if f panics
		defer func() { arrival <- said }()
		f()
		said = arrived{s.refusal(), s.room.audience.presence.shown()}
	})
	return arrival
}

// refusal returns why the subscription has ended, if it has not by the client's wish.
func (s *Subscription) refusal() *wire.Error {
	if s.left.Load() && s.why == nil {
		return wire.NotJoined.Error("")
	}
	return s.why
}

// Joined returns the number of the newest entry from before the session joined: what lies
// above it is delivered. It is known once the Arrival has been waited for.
func (s *Subscription) Joined() journal.Seq { return s.joined }

// Room returns the room's name.
func (s *Subscription) Room() string { return s.room.name }

// Encoding is that of what the session gets.
func (s *Subscription) Encoding() Encoding { return s.encoding }

// Ended reports whether the subscription has ended: the session left or was
// removed.
func (s *Subscription) Ended() bool { return s.left.Load() }

// Append hands an entry to the journal: see Room.Append. A raw client does not get it
// back.
func (s *Subscription) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if s.encoding&^Deflated == Raw && !s.spoken.Load() && s.spoken.CompareAndSwap(false, true) {
		// Before the journal has the entry, so that the worker knows it in time.
		s.room.put(event{speaker: &s.receiver})
	}
	s.room.Append(ctx, e, done)
}

// Found is Room.Found.
func (s *Subscription) Found() bool { return s.room.Found() }

// Unfound is Room.Unfound.
func (s *Subscription) Unfound() { s.room.Unfound() }

// Hold begins to keep what is said, because the client asked for history. The
// answer is as for Join: somebody may have removed the session meanwhile.
func (s *Subscription) Hold() Arrival { return s.arrive(func() { s.hold(s.room.rooms.hold()) }) }

// Connect says that a raw session has its connection, before its client takes history: whatever
// ends the session from now on does so at once.
func (s *Subscription) Connect() { s.room.do(s.connect) }

// Resume delivers what was kept, except the entries up to after: the client has
// them from the journal. From then on the client hears everything at once. It is shown
// the entries of the room from one on: what others are about it hears without bodies.
func (s *Subscription) Resume(after, from journal.Seq) {
	s.room.do(func() {
		s.showFrom(from)
		s.resume(after)
	})
}

// TryResume is Resume, unless more was said than can be kept: then it returns false,
// keeps what is said from now on, and what came before is in the journal.
func (s *Subscription) TryResume(ctx context.Context, after journal.Seq) (bool, error) {
	resumed := make(chan bool, 1)
	s.room.do(func() {
		defer close(resumed)
		if s.held != nil && s.held.overflow && s.held.closing == 0 && !s.left.Load() {
			s.held = s.room.rooms.hold()
			resumed <- false
			return
		}
		s.resume(after)
		resumed <- true
	})
	select {
	case ok := <-resumed:
		return ok, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Pause forgets what was kept and delivers nothing until the next Hold: the
// client was told that there is more history, and asks for it.
func (s *Subscription) Pause() { s.room.do(s.pause) }

// CancelHold goes back to what was before Hold.
func (s *Subscription) CancelHold() { s.room.do(s.cancelHold) }

// Leave ends the subscription because the client asked for it. last, if not nil,
// is the last frame about this room that the client gets, also if somebody has
// removed it from the room just before.
func (s *Subscription) Leave(last []byte) {
	s.room.do(func() { s.room.leave(&s.receiver, last, true) })
}

// Lose ends the subscription because the connection was lost. If it was the
// user's last in the room, the user counts as present for Settings.AwayDelay more.
func (s *Subscription) Lose() {
	s.room.do(func() { s.room.leave(&s.receiver, nil, false) })
}

// SetRole says which role the user has in a conversation, as of one of its governing
// entries. What the room has heard since then counts more.
func (s *Subscription) SetRole(role access.Role, as journal.Seq) {
	s.room.do(func() { s.receiver.setRole(role, as) })
}

// Review ends the subscription if the session may no longer read the room.
func (s *Subscription) Review() {
	s.room.do(func() { s.room.review(&s.receiver) })
}

// Who asks which users are present. It returns at most wire.MaxUsers of them, in
// no order, and how many there are in all; or the error of ctx if that ends first.
func (s *Subscription) Who(ctx context.Context) (users []wire.User, count int, err error) {
	type present struct {
		users []wire.User
		count int
	}
	found := make(chan present, 1)
	r := s.room
	r.do(func() {
		defer close(found)
		found <- present{r.audience.presence.list(s.user), r.audience.presence.shown()}
	})
	select {
	case p := <-found:
		return p.users, p.count, nil
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}
