package acts

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Checks reports whether a check is asked about what is said in a room.
func (a *Actor) Checks(room string) bool {
	return a.kind != operator && a.core.settings().Checks.Applies(room, a.key != nil)
}

// HasChecks reports whether there are any.
func (a *Actor) HasChecks() bool { return len(a.core.settings().Checks) > 0 }

// once returns how to ask the checks about a change of a conversation. They are asked once,
// however often it is judged again. Nothing that others could see is not asked about.
func (a *Actor) once(q *check.Question) func(context.Context) error {
	asked := q.About == check.Info && q.Title+q.Avatar+q.Text == ""
	return func(ctx context.Context) error {
		if asked || !a.Checks(q.Room) {
			return nil
		}
		asked = true
		_, err := a.ask(ctx, q, nil)
		return err
	}
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
	if _, err := a.askAs(ctx, user, &check.Question{About: check.Name}, nil); err != nil {
		user.Name, user.Avatar = before[0].Name, before[0].Avatar
	}
	return user, nil
}

// ask asks the checks as the actor.
func (a *Actor) ask(ctx context.Context, q *check.Question, fits func(json.RawMessage) error) (check.Outcome, error) {
	return a.askAs(ctx, a.User(), q, fits)
}

func (a *Actor) askAs(ctx context.Context, user journal.User, q *check.Question, fits func(json.RawMessage) error) (check.Outcome, error) {
	c := a.core
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.context, cancel)() // the hub is closing
	q.From, q.Addr = user, a.addr
	outcome, err := c.settings().Checks.Ask(ctx, check.Asking{Question: q, ByKey: a.key != nil, Fits: fits, Failed: c.noVerdict})
	if no := (*wire.Error)(nil); err != nil && !errors.As(err, &no) {
		return outcome, unavailable(err)
	}
	return outcome, err
}

// noVerdict counts and logs that a check has given no verdict.
func (c *Core) noVerdict(of *check.Check, why error) {
	c.Counts.NoVerdict.Add(1)
	if entry := c.log.Check(zap.WarnLevel, "a check gave no verdict"); entry != nil && c.saidNoVerdict.Allow(c.Now(), time.Second) {
		entry.Write(zap.String("check", of.Name), zap.Bool("passes", of.PassOnError), zap.Error(why))
	}
}
