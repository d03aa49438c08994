package acts

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/checking"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// standing is what an actor is in a room and may do there: in a conversation, as of
// one of its governing entries.
type standing struct {
	access.Rights
	seat members.Seat // of the user; zero where there are no members
	room members.Room // zero where there are no members
	row  list.Settings

	blocked bool // the other one of two has blocked the actor
}

// apart reports whether one of two has blocked the other: then neither is told what the
// other does without saying anything.
func (s *standing) apart() bool { return s.row.Block || s.blocked }

// standing asks the policies and, only if the room is or may have been a conversation, the
// journal. In one that nobody has founded, nobody may do anything. Nor may users in one that
// the policies say is none, or a change of the policies could show it to all: only what tokens
// and keys grant holds.
func (a *Actor) standing(ctx context.Context, room string) (standing, error) {
	s, asks := a.byPolicies(room)
	if !asks {
		return s, nil
	}
	found, err := a.core.lists.Memberships(ctx, a.User().ID, []string{room})
	if err != nil {
		return standing{}, err
	}
	return a.byRecords(s, room, &found[0]), found[0].Err
}

// asked is the actor's standing in a room, or why the actor may not read it.
type asked struct {
	standing
	err error
}

// readers is reader for several rooms, of which some may have bad names. The journal is asked
// for all of them at once.
func (a *Actor) readers(ctx context.Context, rooms []string) []asked {
	all := make([]asked, len(rooms))
	var names []string
	var of []*asked
	for i, room := range rooms {
		s, asks := &all[i], false
		if s.err = wire.CheckRoom(room); s.err == nil {
			s.standing, asks = a.byPolicies(room)
		}
		if asks {
			names, of = append(names, room), append(of, s)
		}
	}
	if len(names) > 0 {
		found, err := a.core.lists.Memberships(ctx, a.User().ID, names)
		for i, s := range of {
			if s.err = err; err == nil {
				s.standing, s.err = a.byRecords(s.standing, names[i], &found[i]), found[i].Err
			}
		}
	}
	for i, room := range rooms {
		if s := &all[i]; s.err == nil {
			s.err = a.mayRead(room, s.Rights)
		}
	}
	return all
}

// byPolicies returns the actor's standing by what the policies say, and whether records say more.
func (a *Actor) byPolicies(room string) (s standing, asks bool) {
	s.Rights = a.rights(room, access.NoRole)
	own, _ := list.OwnSeat(a.User().ID, room)
	return s, s.Conversation || own.Role != access.NoRole ||
		!a.isAboveRoles() && (s.Read || s.Write || s.Moderate) && a.core.patterns.Match(room)
}

// byRecords adds what the records say to what the policies do.
func (a *Actor) byRecords(s standing, room string, m *list.Membership) standing {
	if own, _ := list.OwnSeat(a.User().ID, room); own.Role == access.NoRole && !s.Conversation {
		if m.Room.Version > 0 {
			s.Rights = access.Granted(a.identity.Load(), room)
		}
		return s
	}
	if s.Conversation {
		s = a.standingIn(room, m.Seat, &m.Room)
		s.Write = s.Write && (!m.Blocked || a.key != nil)
	}
	s.seat, s.room, s.row, s.blocked = m.Seat, m.Room, m.Row, m.Blocked
	return s
}

// standingIn returns the actor's standing in a conversation whose records were read.
func (a *Actor) standingIn(name string, seat members.Seat, room *members.Room) standing {
	s := standing{Rights: a.rights(name, seat.Role), seat: seat, room: *room}
	switch {
	case room.Version == 0:
		s.Rights = access.Rights{Conversation: true}
	case room.Closed && !a.isAboveRoles():
		s.Write = false
	}
	return s
}

// since is the condition of an entry that was judged by the standing: see
// journal.Entry.Since. It is 0 where there are no members.
func (s *standing) since() journal.Seq {
	if !s.Conversation {
		return 0
	}
	return s.room.Version + 1
}

// by is the actor for the rules of conversations.
func (a *Actor) by(s *standing) members.By {
	by := members.By{User: a.User().ID, Role: s.seat.Role, Rights: s.Rights, Operator: a.isAboveRoles()}
	if a.key != nil { // whose scopes were asked before
		by.Rights.Read, by.Rights.Moderate = true, true
	}
	return by
}

// reader returns the actor's standing in a room, or why the actor may not read it.
func (a *Actor) reader(ctx context.Context, room string) (standing, error) {
	s, err := a.standing(ctx, room)
	if err == nil {
		err = a.mayRead(room, s.Rights)
	}
	return s, err
}

// doer returns the actor's standing in a room, or why the actor may do nothing there. To
// do anything users must be able to read; a key does what its scopes say.
func (a *Actor) doer(ctx context.Context, room string) (standing, error) {
	if a.key == nil {
		return a.reader(ctx, room)
	}
	s, err := a.standing(ctx, room)
	founded := !s.Conversation || s.room.Version > 0
	if err == nil && (!founded || !s.Read && !s.Write && !s.Moderate && !a.governs(room)) {
		err = wire.Forbidden.Error("")
	}
	return s, err
}

// writer returns the actor's standing in a room, or why the actor may not write to it.
// It asks everything anew: what has changed since the actor came in holds at once.
func (a *Actor) writer(ctx context.Context, room string) (standing, error) {
	s, err := a.doer(ctx, room)
	if err != nil {
		return s, err
	}
	if !s.Write {
		return s, wire.Forbidden.Error("")
	}
	return s, a.notMuted(room)
}

// mayUse returns why an actor who is not in a room may do nothing there, or nil.
func (a *Actor) mayUse(ctx context.Context, room string) error {
	if err := wire.CheckRoom(room); err != nil {
		return err
	}
	_, err := a.doer(ctx, room)
	return err
}

// governTries is how often a command is judged again because the room has changed
// meanwhile. Somebody else's command succeeds each time.
const governTries = 8

// publishTimeout is how long callers without a session wait: until the room has less
// to pass on, and then for the journal's answer.
const publishTimeout = 30 * time.Second

// through carries out an act through the room, like all acts, without a subscription. It
// waits for the journal, and no longer than the hub is open, which waits for the room.
func (a *Actor) through(ctx context.Context, name string, act func(context.Context, Appender, func(journal.Receipt, error)) error) (journal.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	defer context.AfterFunc(a.core.context, cancel)()
	return a.core.rooms.Through(ctx, name, func(r *room.Room, done func(journal.Receipt, error)) error { return act(ctx, r, done) })
}

// judged carries out an act whose entry is refused if the conversation has changed since
// the act was judged: then attempt is called again, by a goroutine, since done must not
// block. done is called unless judged returns an error.
func (a *Actor) judged(ctx context.Context, tries int, attempt func(context.Context, func(journal.Receipt, error)) error, done func(journal.Receipt, error)) error {
	return attempt(ctx, func(receipt journal.Receipt, err error) {
		switch {
		case !errors.Is(err, journal.ErrStale):
			done(receipt, err)
		case tries == 1:
			done(journal.Receipt{}, wire.Unavailable.Error(""))
		default:
			a.core.again.Go(func() {
				if err := a.judged(a.Soon(), tries-1, attempt, done); err != nil {
					done(journal.Receipt{}, err)
				}
			})
		}
	})
}

// governing is a change of a conversation.
type governing struct {
	room  string
	users []string // whose seats judge needs beside the actor's own
	all   bool     // it needs everybody's

	// may returns why the actor may not, whatever the records say, or nil.
	may func() error
	// judge decides by the records. If it returns no change, nothing is to be done: the receipt
	// is that of a duplicate.
	judge func(context.Context, *members.State, members.By) (*members.Change, error)
	asks  *checking.Once // about the change; nil: nobody is asked
}

// govern carries out a change of a conversation: it judges, asks the checks, and appends. It
// begins again after the checks were asked, and if the room has changed meanwhile. So what is
// appended was judged after whatever took time. ctx ends the asking.
func (a *Actor) govern(ctx context.Context, g *governing) (receipt journal.Receipt, err error) {
	for range governTries {
		receipt, err = a.governOnce(ctx, g)
		if !errors.Is(err, journal.ErrStale) {
			return g.asks.Tell(receipt, err)
		}
	}
	return journal.Receipt{}, wire.Unavailable.Error("")
}

func (a *Actor) governOnce(asking context.Context, g *governing) (journal.Receipt, error) {
	if err := g.may(); err != nil {
		return journal.Receipt{}, err
	}
	ctx := asking
	if g.asks.TakesTime() { // the rest has a time of its own
		own, cancel := context.WithTimeout(a.core.context, publishTimeout)
		defer cancel()
		ctx = own
	}
	state, err := members.Load(ctx, a.core.journal.Records(), g.room, append(g.users[:len(g.users):len(g.users)], a.User().ID), false)
	if err == nil && g.all && (a.isAboveRoles() || state.Seats[a.User().ID].Role != access.NoRole) {
		err = state.LoadAll(ctx, a.core.journal.Records()) // not for a stranger, who would learn by the time that somebody is there
	}
	if err != nil {
		return journal.Receipt{}, err
	}
	s := a.standingIn(g.room, state.Seats[a.User().ID], &state.Room)
	change, err := g.judge(ctx, &state, a.by(&s))
	if err != nil {
		return journal.Receipt{}, err
	}
	if change == nil {
		return journal.Receipt{Duplicate: true}, nil
	}
	if asked, err := g.asks.Ask(asking); err != nil || asked {
		return journal.Receipt{}, cmp.Or(err, journal.ErrStale)
	}
	keys := func(user string) []string {
		return []string{list.MentionKey(user, g.room), online.ToldKey(user, g.room)}
	}
	if err = a.core.profiles.Leave(ctx, change, keys); err != nil {
		return journal.Receipt{}, err
	}
	receipt, err := a.through(ctx, g.room, func(ctx context.Context, to Appender, done func(journal.Receipt, error)) error {
		a.append(ctx, to, g.room, change.Entry(), done)
		return nil
	})
	for _, user := range change.Users() { // the others are told by a head
		if err == nil {
			a.core.live.Tell(ctx, user, g.room)
		}
	}
	return receipt, err
}
