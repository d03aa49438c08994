package acts

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/refusals"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/sanctions"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Mute forbids a user to write in a room, or anywhere if room is empty, for d:
// [wire.Forever] for no end, 0 to lift it.
func (a Turn) Mute(ctx context.Context, room, user string, d time.Duration) error {
	return a.sanction(ctx, access.Sanction{Kind: access.Mute, Room: room, User: user}, d)
}

// Ban removes a user from a room, or from the hub if room is empty, and keeps them
// out for d, as for Mute.
func (a Turn) Ban(ctx context.Context, room, user string, d time.Duration) error {
	return a.sanction(ctx, access.Sanction{Kind: access.Ban, Room: room, User: user}, d)
}

// sanction changes a sanction.
func (a *Actor) sanction(ctx context.Context, k access.Sanction, d time.Duration) error {
	if err := a.mayModerate(ctx, k.Room, k.User, d == 0); err != nil {
		return err
	}
	changed, counts, err := false, false, error(nil)
	if d != 0 && a.kind != operator {
		if record := []journal.Record{sanctions.Record(k)}; a.key == nil && !a.core.growth.Fits(ctx, a.core.journal.Records(), a.person(), record, a.core.Now()) {
			return refusals.Full()
		}
		if counts, err = a.core.sanctions.Impose(k, a.person()); err != nil {
			return err
		}
	}
	if changed, err = a.core.sanctions.Change(ctx, k, d); err != nil {
		if counts && !errors.Is(err, journal.ErrUncertain) {
			a.core.sanctions.Withdraw(k)
		}
		return err
	}
	if changed {
		a.audit(events.Sanction(string(k.Kind), k.Room, k.User, d))
	}
	a.core.sanctions.RemoveOver(ctx, sanctions.RemovedAtOnce)
	a.core.takeEffect(a.core.Soon(), k, d)
	if k.Kind != access.Ban {
		return nil
	}
	err = a.core.lists.NoteBan(ctx, k.User, k.Room)
	if d != 0 && err == nil {
		_, err = a.expel(ctx, k.Room, k.User)
	}
	return err
}

// expel removes a member from a conversation, and reports whether the user was one. If it
// fails after a ban, the ban stands, and the same command again removes the member.
func (a *Actor) expel(ctx context.Context, room, user string) (was bool, err error) {
	if !a.rights(room, access.NoRole).Conversation {
		return false, nil
	}
	receipt, err := a.govern(ctx, &governing{
		room: room, users: []string{user}, all: a.isAboveRoles(),
		may: func() error { return a.mayBeIn("") },
		judge: func(_ context.Context, s *members.State, by members.By) (*members.Change, error) {
			if s.Seats[user].Role == access.NoRole || len(s.Direct) > 0 {
				return nil, nil // of two, nobody can be removed
			}
			return s.SetRole(by, []journal.User{{ID: user}}, access.NoRole)
		},
	})
	return err == nil && !receipt.Duplicate, err
}

// takeEffect tells the user of a sanction, or removes them. It waits for the room until
// ctx ends.
func (c *Core) takeEffect(ctx context.Context, k access.Sanction, d time.Duration) {
	if k.Kind == access.Mute {
		command.TellHere(c.sessions.Of(k.User), c.rooms, k.Room, k.User, room.Frame(&wire.Silenced{Room: k.Room, For: d}))
		return
	}
	c.live.BanChanged(k.User, k.Room)
	if d != 0 {
		command.RemoveHere(ctx, c.sessions.Of(k.User), c.rooms, k.Room, k.User, wire.Banned)
	}
}

// Banned returns for how long a user is still banned from a room, or 0.
func (c *Core) Banned(user, room string) time.Duration {
	return c.sanctions.Left(access.Ban, user, room)
}

// sanctionElsewhere is told that another node has changed a sanction. It does not wait.
func (c *Core) sanctionElsewhere(k access.Sanction, d time.Duration) {
	now, cancel := context.WithCancel(c.context)
	cancel()
	c.takeEffect(now, k, d)
}

// Kick removes a user, who may come back, from a room, or from the hub if room is
// empty. The error has the code not_found if the user was not there, and unavailable if a
// node has not answered that may have them.
func (a Turn) Kick(ctx context.Context, room, user string) error {
	if err := a.mayModerate(ctx, room, user, false); err != nil {
		return err
	}
	was, err := a.expel(ctx, room, user)
	if err == nil {
		found, missing := a.core.commands.AskAny(ctx, command.Command{Act: command.Remove, Room: room, User: user})
		if was = was || found; !was {
			err = cmp.Or(command.Unheard(missing), error(wire.NotFound.Error("")))
		}
	}
	if err == nil {
		a.audit(events.Event{Act: "kick", Room: room, User: user})
	}
	return err
}

// SignOut ends the sessions of a user, and refuses the tokens that this server has given them
// until now. It returns how many sessions there were. The error has the code unavailable if a
// node has not answered that may have others.
func (a Turn) SignOut(ctx context.Context, user string) (n int, err error) {
	p, err := a.Profiles()
	if err == nil {
		err = p.SignOut(ctx, user, time.Now())
	}
	if err != nil {
		return 0, err
	}
	ended := a.core.commands.Ask(ctx, command.Command{Act: command.Remove, User: user}) // sessions that are not listed yet find that they are signed out
	a.audit(events.Event{Act: "signout", User: user})
	return ended.N, command.Unheard(ended.Missing)
}

// mayModerate returns why an actor may not act against a user of a room, or of the
// hub if no room is named. A user who is connected and may moderate there is protected, also
// while that is not known of a node; in a conversation its admins are, from all but the owner. An operator may
// lift a sanction of any room: earlier versions took any.
func (a *Actor) mayModerate(ctx context.Context, name, user string, lifts bool) error {
	if a.kind == operator {
		if name == "" || lifts {
			return nil
		}
		return a.mayOperate(name)
	}
	in := standing{Rights: a.rights("", access.NoRole)}
	if name != "" {
		// Who may not read a room, or is banned from it, does not moderate it.
		var err error
		if in, err = a.doer(ctx, name); err != nil {
			return err
		}
	}
	if !in.Moderate || journal.IsReserved(name) { // of which a key may moderate messages only
		return wire.Forbidden.Error("")
	}
	if a.key != nil {
		return nil
	}
	if in.Conversation {
		return members.MayModerate(ctx, a.core.journal.Records(), name, user, in.seat.Role)
	}
	switch asked := a.core.commands.Ask(ctx, command.Command{Act: command.Moderates, Room: name, User: user}); {
	case asked.N > 0:
		return wire.Forbidden.Error("")
	case len(asked.Silent) > 0: // where nodes hear nothing of each other, one must be able to moderate all the same
		return command.Unheard(asked.Silent)
	}
	return a.mayBeIn(name) // that took time
}

// mayOperate returns why an operator may do nothing in a room: it cannot exist, or it
// belongs to the server.
func (a *Actor) mayOperate(room string) error {
	if err := wire.CheckRoom(room); err != nil {
		return err
	}
	if !a.rights(room, access.NoRole).Moderate {
		return wire.Forbidden.Error("")
	}
	return nil
}
