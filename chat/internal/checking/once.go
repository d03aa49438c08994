package checking

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Once is a question about a change of a conversation. It is asked once, however often the
// change is judged again. Nothing that others could see is not asked about. It belongs to
// one goroutine. nil is a question that nobody is asked.
type Once struct {
	asker   *Asker
	about   *check.Question
	ask     func(context.Context) (check.Outcome, error)
	asked   bool
	outcome check.Outcome
}

// Once returns a question that was not asked yet. ask asks it.
func (k *Asker) Once(about *check.Question, ask func(context.Context) (check.Outcome, error)) *Once {
	if about.About == check.Info && about.Title+about.Avatar+about.Text == "" {
		return nil
	}
	return &Once{asker: k, about: about, ask: ask}
}

// IsOpen reports whether it is still to be asked.
func (o *Once) IsOpen() bool { return o != nil && !o.asked }

// TakesTime reports whether somebody is asked, or was.
func (o *Once) TakesTime() bool { return o != nil }

// Ask asks it, and returns true: what was judged before must be judged again. If that was
// done before, it returns false.
func (o *Once) Ask(ctx context.Context) (now bool, err error) {
	if !o.IsOpen() {
		return false, nil
	}
	o.asked = true
	o.outcome, err = o.ask(ctx)
	return true, err
}

// Tell returns what came of the change, and tells of it.
func (o *Once) Tell(r journal.Receipt, err error) (journal.Receipt, error) {
	if o != nil && err == nil {
		o.asker.Tell(o.about.Room, r, &o.outcome)
	}
	return r, err
}
