package acts

import (
	"context"
	"encoding/json"

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

// once is a question about a change of a conversation, as the actor asks it; nil: no check is
// asked about it.
func (a *Actor) once(q *check.Question) *checking.Once {
	if !a.Checks(q.Room) {
		return nil
	}
	return a.core.asker.Once(q, func(ctx context.Context) (check.Outcome, error) { return a.ask(ctx, a.User(), q, nil) })
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

// ask asks the checks about what a user does by this actor. That takes time: a token of a
// request that was good before may be no more, and what else was judged is judged again by
// whoever asks.
func (a *Actor) ask(ctx context.Context, user journal.User, q *check.Question, fits func(json.RawMessage) error) (check.Outcome, error) {
	q.From, q.Addr = user, a.addr
	if a.greeted != nil {
		q.Device = a.greeted.device
	}
	outcome, err := a.core.asker.Ask(ctx, a.core.settings().Checks, check.Asking{Question: q, By: a.personOf(user), ByKey: a.key != nil, Fits: fits})
	if err == nil && a.id == "" && a.key == nil { // a session would have ended
		err = a.core.credentials.StillGood(ctx, a.identity.Load())
	}
	return outcome, err
}
