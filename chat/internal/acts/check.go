package acts

import (
	"context"
	"encoding/json"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/checking"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Checks reports whether a check is asked about what is said in a room.
func (a *Actor) Checks(room string) bool {
	return a.kind != operator && a.core.settings().Checks.Applies(room, a.key != nil)
}

// HasChecks reports whether there are any.
func (a *Actor) HasChecks() bool { return len(a.core.settings().Checks) > 0 }

// once is a question about a change of a conversation, as the actor asks it.
func (a *Actor) once(q *check.Question) *checking.Once {
	return a.core.asker.Once(q, func(ctx context.Context) (check.Outcome, error) {
		if !a.Checks(q.Room) {
			return check.Outcome{}, nil
		}
		return a.ask(ctx, a.User(), q, nil)
	})
}

// whileAsked returns the context of a change of a conversation: where checks are asked, it
// lasts longer than ctx.
func (a *Actor) whileAsked(ctx context.Context, room string) (context.Context, context.CancelFunc) {
	if !a.Checks(room) {
		return ctx, func() {}
	}
	return context.WithTimeout(a.core.context, publishTimeout)
}

// named returns a user as others may be shown them: who brings another name or picture than
// before is asked about, and keeps those from before if they do not pass.
func (a *Actor) named(ctx context.Context, user journal.User) (journal.User, error) {
	if !a.core.settings().Checks.Applies("", false) {
		return user, nil
	}
	before, err := a.core.profiles.Of(ctx, []string{user.ID})
	if err != nil {
		return user, err
	}
	if user.Name == before[0].Name && user.Avatar == before[0].Avatar {
		return user, nil
	}
	outcome, err := a.ask(ctx, user, &check.Question{About: check.Name}, nil)
	if err != nil {
		user.Name, user.Avatar = before[0].Name, before[0].Avatar
	}
	a.core.asker.TellOfName(user.ID, &outcome)
	return user, nil
}

// ask asks the checks about what a user does by this actor.
func (a *Actor) ask(ctx context.Context, user journal.User, q *check.Question, fits func(json.RawMessage) error) (check.Outcome, error) {
	q.From, q.Addr = user, a.addr
	if a.greeted != nil {
		q.Device = a.greeted.device
	}
	by := a.person()
	if a.identity.Load() == nil && !user.Guest { // it says hello
		by = access.Person{User: user.ID}
	}
	return a.core.asker.Ask(ctx, a.core.settings().Checks, check.Asking{Question: q, By: by, ByKey: a.key != nil, Fits: fits})
}
