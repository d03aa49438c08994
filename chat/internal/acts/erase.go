package acts

import (
	"cmp"
	"context"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/erase"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// CountMarks returns in how many rooms it is stored how far a user has read.
func (c *Core) CountMarks(ctx context.Context, user string) (int, error) {
	return c.marks.Count(ctx, readmarks.Of{User: user})
}

// EraseRoom erases what a room holds, while nobody is in it: those who were there come
// back afterwards. The error has the code not_found if there is no such room. If it ends early, what
// it returns is done, and the error says so.
func (a Turn) EraseRoom(ctx context.Context, name string) (done erase.Room, err error) {
	done.Room = name
	unlock, err := a.core.erasing.Lock(ctx, a.mayErase(name))
	defer unlock()
	if err != nil {
		return done, err
	}
	renewed, known := a.core.commands.Ask(ctx, command.Command{Act: command.Renew, Room: name}), false
	done.Sessions = renewed.N
	err = a.core.rooms.Evict(ctx, name, func() (err error) {
		if done.Members, err = erase.Members(ctx, a.core.journal, name); err != nil {
			return err
		}
		done.Entries, known, err = erase.Entries(ctx, a.core.journal, name)
		return err
	})
	if err == nil {
		a.core.commands.Ask(ctx, command.Command{Act: command.Renew, Room: name})
		done.Marks, err = a.core.marks.Forget(ctx, readmarks.Of{Room: name})
	}
	if known || done.Any() { // marks may be what an interrupted erasure has left
		a.audit(events.Event{Act: "erase", Room: name})
		return done, done.SoFar(err)
	}
	return done, cmp.Or(err, command.Unheard(renewed.Missing), error(wire.NotFound.Error("")))
}

// mayErase returns why the actor may not erase a room, or nil. In one that is no conversation, and in one of
// two, which nobody may close, a key that may not even recall a message cannot erase all of them.
func (a *Actor) mayErase(room string) error {
	if a.key == nil {
		return a.mayOperate(room)
	}
	can, err := a.rights(room, access.NoRole), wire.CheckRoom(room)
	if err == nil && !a.governs(room) {
		err = wire.Forbidden.Error("")
	}
	return cmp.Or(err, Turn{a}.needs(can.Conversation && !can.Direct || can.Moderate, "to erase a room that is no conversation, or one of two, a key needs the scope moderate, too"))
}

// EraseUser signs a user out, and erases what is kept of them: where they belong to, how far
// they have read, what they have tagged, what is shown of them and their own room. It recalls all that they
// have said, unless that stays. lister has the rooms of the journal, if that can list them.
// If it ends early, what it returns is done, and the error says so.
func (a Turn) EraseUser(ctx context.Context, lister journal.Lister, user string, messagesStay bool) (done erase.User, err error) {
	done.User = user
	_, err = a.Profiles()
	unlock, err := a.core.erasing.Lock(ctx, err)
	defer func() {
		if unlock(); done.Any() {
			a.audit(events.Event{Act: "erase", User: user})
			err = done.SoFar(err)
		}
	}()
	by, sessions := Turn{&Actor{core: a.core, kind: operator, part: true}}, 0 // who erases a user may do so in each room
	if err == nil && lister != nil {                                          // otherwise nothing is erased
		sessions, err = by.SignOut(ctx, user)
	}
	if done.Sessions = sessions; err != nil {
		return done, err
	}
	find := erase.Messages
	if messagesStay {
		find = erase.NoMessages
	}
	done, err = find(ctx, a.core.journal, lister, user, by.RecallFromOutside)
	done.Sessions = sessions
	if err != nil {
		return done, err
	}
	if done.Marks, err = a.core.marks.Forget(ctx, readmarks.Of{User: user}); err != nil {
		return done, err
	}
	own := list.OwnRoom(user)
	if err = a.core.rooms.Evict(ctx, own, func() error { n, _, err := erase.Entries(ctx, a.core.journal, own); done.Records = int(n); return err }); err != nil {
		return done, err
	}
	if err = erase.Known(ctx, a.core.journal.Records(), user, &done); err == nil { // first: the others are told by what comes now
		done.Left, err = by.forget(ctx, user)
	}
	if err == nil {
		err = erase.Records(ctx, a.core.journal.Records(), lister, user, &done)
	}
	return done, err
}

// forget removes a user from all conversations, with what is known of them there. It returns
// how many conversations there were.
func (a Turn) forget(ctx context.Context, user string) (n int, err error) {
	rooms, err := members.RoomsOf(ctx, a.core.journal.Records(), user)
	for _, name := range rooms {
		if err != nil {
			return n, err
		}
		_, err = a.govern(ctx, &governing{
			room: name, all: true, may: func() error { return nil },
			judge: func(_ context.Context, s *members.State, _ members.By) (*members.Change, error) {
				return s.Forget(user)
			},
		})
		n++
	}
	return n, err
}
