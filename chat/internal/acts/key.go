package acts

import (
	"context"
	"net/netip"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/checking"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// A key is an actor like a user, and does the same acts. Where others ask the policies, the
// membership and the sanctions, its scopes decide.

// showsKey makes the actor that of a key, if the token is one's secret. An error says why
// the key may not be used here.
func (a *Actor) showsKey(token string, addr netip.Addr) (ok bool, err error) {
	k := a.core.settings().Keys.Find(token)
	if k == nil {
		return false, nil
	}
	if !k.MayComeFrom(addr) {
		e := wire.Forbidden.Error("")
		e.Message = "this key may not be used from your address"
		return true, e
	}
	a.key = k
	a.identity.Store(&access.Identity{User: k.Bot(), Settled: true})
	a.user = a.core.limiters.Take(a.holder(k.Bot()), a.core.Now())
	return true, nil
}

// As is the turn of the same actor in the name of a user, for one act more that has n
// bytes. If as is empty, the actor stays who it is. Only a key may act as others. leave
// must be called before the actor itself leaves.
func (a Turn) As(ctx context.Context, as string, n int) (t Turn, leave func(), err error) {
	if wait := a.charge(n, 0); wait > 0 {
		return Turn{}, nil, wire.TooSoon(wait)
	}
	if as == "" {
		return a, func() {}, nil
	}
	id, err := a.inNameOf(ctx, as)
	if err != nil {
		return Turn{}, nil, err
	}
	other := &Actor{core: a.core, addr: a.addr, key: a.key} // who was charged
	other.identity.Store(id)
	return Turn{other}, other.Leave, nil
}

// inNameOf returns who a user is in whose name the actor wants to act, or why it may not.
func (a *Actor) inNameOf(ctx context.Context, as string) (*access.Identity, error) {
	no := wire.Forbidden.Error("")
	no.Field = "as"
	switch {
	case a.key == nil:
		no.Message = "as is for keys: others act as themselves"
		return nil, no
	case !wire.IsUserID(as), !a.scopes().MayActAs(as):
		no.Message = "the key may not act as this user"
		return nil, no
	}
	users, err := a.core.profiles.Of(ctx, []string{as})
	if err != nil {
		return nil, err
	}
	return &access.Identity{User: users[0], Settled: true}, nil
}

// Profiles returns what is kept of users, for those who may see and change all of it.
func (a Turn) Profiles() (profiles.Profiles, error) {
	return a.core.profiles, a.needs(a.kind == operator || a.key != nil && a.scopes().Users, "only a key with the scope users may do this")
}

// Did says what the actor has done about a user beside its acts: it was given a token, or has ended a session.
func (a Turn) Did(act, user string) { a.audit(events.Event{Act: act, User: user}) }

// Online returns which of these users have sessions, at any node. The error has the code
// unavailable if that is not known of one of them: a node has not answered that may have them.
func (a Turn) Online(ctx context.Context, users ...string) (list []string, err error) {
	answers := a.core.commands.Ask(ctx, command.Command{Act: command.Online, Users: users})
	for _, answer := range answers.Each {
		list = append(list, answer.Online...)
	}
	if slices.ContainsFunc(users, func(user string) bool { return !slices.Contains(list, user) }) {
		err = command.Unheard(answers.Missing)
	}
	return list, err
}

// newcomers is Profiles.Newcomers, once the checks were asked: what is judged before is judged
// again. If the actor is one of them, it notes what is shown of it; a key knows that of nobody.
func (a *Actor) newcomers(ctx context.Context, ids []string, asks *checking.Once) ([]journal.User, error) {
	if asks.IsOpen() {
		return a.core.profiles.Of(ctx, ids)
	}
	if a.via() == "" && slices.Contains(ids, a.User().ID) {
		if err := a.core.profiles.Keep(ctx, a.User()); err != nil {
			return nil, err
		}
	}
	return a.core.profiles.Newcomers(ctx, ids)
}

// Told returns what the client is told of an error of one act among several.
func (a Turn) Told(err error) *wire.Error { return a.core.Refusal(err, "request") }

// NeedsKey returns why somebody without a key may not do what only keys do, or nil.
func (a Turn) NeedsKey() error { return a.needs(a.key != nil, "only a key of the site may do this") }

func (a Turn) needs(has bool, message string) error {
	if has {
		return nil
	}
	e := wire.Forbidden.Error("")
	e.Message = message
	return e
}

// Hears returns who hears the feed, and which rooms of it: those that the key may read, as
// long as the site has a key of this name. The function waits for nothing.
func (a Turn) Hears() (who string, hears func(room string) bool, err error) {
	if err := a.needs(a.key != nil && a.scopes().Feed, "only a key with the scope feed may do this"); err != nil {
		return "", nil, err
	}
	return a.key.Name, func(room string) bool {
		return a.scopes().Feed && a.rights(room, access.NoRole).Read
	}, nil
}
