package checking

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Once is a question about a change of a conversation. It is asked once, however often the
// change is judged again. Nothing that others could see is not asked about. It belongs to
// one goroutine.
type Once struct {
	asker   *Asker
	about   *check.Question
	ask     func(context.Context) (check.Outcome, error)
	outcome check.Outcome
}

// Once returns a question that was not asked yet. ask asks it.
func (k *Asker) Once(about *check.Question, ask func(context.Context) (check.Outcome, error)) *Once {
	if about.About == check.Info && about.Title+about.Avatar+about.Text == "" {
		ask = nil
	}
	return &Once{asker: k, about: about, ask: ask}
}

// Ask asks it, unless that was done before.
func (o *Once) Ask(ctx context.Context) (err error) {
	if ask := o.ask; ask != nil {
		o.ask = nil
		o.outcome, err = ask(ctx)
	}
	return err
}

// Tell returns what came of the change, and tells of it.
func (o *Once) Tell(r journal.Receipt, err error) (journal.Receipt, error) {
	if err == nil {
		o.asker.Tell(o.about.Room, r, &o.outcome)
	}
	return r, err
}
