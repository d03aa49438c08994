package acts

import (
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
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
	if err == nil && (!founded || !s.Read && !s.Write && !s.Moderate && !a.key.Governs(room)) {
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
// waits for the journal.
func (a *Actor) through(ctx context.Context, name string, act func(context.Context, Appender, func(journal.Receipt, error)) error) (journal.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	defer context.AfterFunc(a.core.context, cancel)() // the hub is closing, and waits for the room
	r, release, err := a.core.rooms.KeepOpen(ctx, name)
	if err != nil {
		return journal.Receipt{}, err
	}
	defer release()
	type answer struct {
		receipt journal.Receipt
		err     error
	}
	answers := make(chan answer, 1)
	if err := act(ctx, r, func(receipt journal.Receipt, err error) { answers <- answer{receipt, err} }); err != nil {
		return journal.Receipt{}, err
	}
	select {
	case got := <-answers:
		return got.receipt, got.err
	case <-ctx.Done():
	}
	select {
	case got := <-answers: // both came at once
		return got.receipt, got.err
	default:
		return journal.Receipt{}, unavailable(journal.ErrUncertain) // it was handed in
	}
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

// govern carries out a change of a conversation: it reads the records, lets judge decide,
// appends, and begins again if the room has changed meanwhile. users are those whose
// seats judge needs beside the actor's own; all: everybody's. A judge that returns
// no change says that nothing is to be done: the receipt is that of a duplicate.
func (a *Actor) govern(ctx context.Context, room string, users []string, all bool, judge func(*members.State, members.By) (*members.Change, error)) (journal.Receipt, error) {
	for range governTries {
		receipt, err := a.governOnce(ctx, room, users, all, judge)
		if !errors.Is(err, journal.ErrStale) {
			return receipt, err
		}
	}
	return journal.Receipt{}, wire.Unavailable.Error("")
}

func (a *Actor) governOnce(ctx context.Context, room string, users []string, all bool, judge func(*members.State, members.By) (*members.Change, error)) (journal.Receipt, error) {
	state, err := members.Load(ctx, a.core.journal.Records(), room, append(users[:len(users):len(users)], a.User().ID), false)
	if err == nil && all && (a.isAboveRoles() || state.Seats[a.User().ID].Role != access.NoRole) {
		err = state.LoadAll(ctx, a.core.journal.Records()) // not for a stranger, who would learn by the time that somebody is there
	}
	if err != nil {
		return journal.Receipt{}, err
	}
	s := a.standingIn(room, state.Seats[a.User().ID], &state.Room)
	change, err := judge(&state, a.by(&s))
	if err != nil {
		return journal.Receipt{}, err
	}
	if change == nil {
		return journal.Receipt{Duplicate: true}, nil
	}
	receipt, err := a.through(ctx, room, func(ctx context.Context, to Appender, done func(journal.Receipt, error)) error {
		a.append(ctx, to, change.Entry(), done)
		return nil
	})
	for _, user := range change.Users() { // the others are told by a head
		if err == nil {
			a.core.live.Tell(ctx, user, room)
		}
	}
	return receipt, err
}
