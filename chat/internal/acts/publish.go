package acts

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Checked is an entry that the checks of the site let pass, or that none of them is asked
// about. Only they make one, so no door forgets them.
type Checked struct {
	room  string
	entry journal.Entry
	known *journal.Receipt // of an entry that was recorded with this key before
	came  check.Outcome    // what came of asking
}

// Check asks the checks about what is to be said in a room: nobody is asked about what the
// actor may not say, nor again about what was recorded before. It takes as long as they do.
// What is recorded is judged again by Publish, since much may have changed meanwhile.
func (a Turn) Check(ctx context.Context, room string, e journal.Entry) (Checked, error) {
	if e.Kind == journal.Notice || e.Kind == journal.Signal || !a.Checks(room) {
		return Checked{room: room, entry: e}, nil
	}
	in, err := a.writer(ctx, room)
	if err == nil {
		err = a.checkText(&e)
	}
	if err == nil {
		addressed := e
		err = a.address(ctx, room, &in, &addressed)
	}
	if err != nil {
		return Checked{}, err
	}
	if !e.Kind.Recorded() { // nobody can look into it
		return Checked{}, wire.Refused.Error("")
	}
	if e.Key != "" {
		receipt, err := a.core.journal.Find(ctx, room, a.User().ID, e.Key)
		if err != nil {
			return Checked{}, err
		}
		if receipt.Seq > 0 {
			return Checked{room: room, entry: e, known: &receipt}, nil
		}
	}
	return a.passed(ctx, room, e, &check.Question{About: check.Send, Mentions: e.Mentions, Reply: uint64(e.Target)})
}

// passed asks about an entry, and returns what is to be recorded.
func (a *Actor) passed(ctx context.Context, room string, e journal.Entry, q *check.Question) (Checked, error) {
	q.Room, q.Key, q.Body = room, e.Key, e.Body
	if e.Text {
		q.Body = wire.AppendString(nil, e.Body)
	}
	outcome, err := a.ask(ctx, a.User(), q, func(body json.RawMessage) error {
		other := e
		return a.changeBody(&other, body)
	})
	if err == nil && outcome.Body != nil {
		err = a.changeBody(&e, outcome.Body)
	}
	return Checked{room: room, entry: e, came: outcome}, err
}

var errBody = errors.New("the changed body does not fit: it is longer than allowed, or no string in the raw dialect")

// changeBody gives an entry another body, if it fits.
func (a *Actor) changeBody(e *journal.Entry, body json.RawMessage) error {
	e.Body = body
	if e.Text {
		var text string
		if json.Unmarshal(body, &text) != nil {
			return errBody
		}
		e.Body = []byte(text)
	}
	if a.checkText(e) != nil {
		return errBody
	}
	return nil
}

// Publish is the act of saying something in a room, which the checks have let pass. The
// journal calls done when it has an answer.
func (a Turn) Publish(ctx context.Context, to Appender, c Checked, done func(journal.Receipt, error)) error {
	if c.known != nil {
		done(*c.known, nil)
		return nil
	}
	name, e, done := c.room, c.entry, a.core.asker.Telling(c.room, c.came, done)
	if !e.Kind.Recorded() || !a.rights(name, access.NoRole).Conversation {
		return a.publish(ctx, to, name, e, done)
	}
	unlock, err := a.core.speaking.Lock(ctx, speaker{&a.unanswered, name})
	if err != nil {
		return err
	}
	err = a.judged(ctx, governTries, func(ctx context.Context, done func(journal.Receipt, error)) error {
		return a.publish(ctx, to, name, e, done)
	}, func(receipt journal.Receipt, err error) {
		unlock()
		done(receipt, err)
	})
	if err != nil {
		unlock()
	}
	return err
}

// publish is Publish once. Where there are members, done may get ErrStale.
func (a *Actor) publish(ctx context.Context, to Appender, name string, e journal.Entry, done func(journal.Receipt, error)) error {
	in, err := a.writer(ctx, name)
	if err != nil {
		return err
	}
	if e.Kind.Recorded() && !e.Kind.HasSender() && !a.isAboveRoles() {
		no := wire.Forbidden.Error("")
		no.Field, no.Message = "notice", "only keys send notices"
		return no
	}
	if err := a.checkText(&e); err != nil {
		return err
	}
	if err := a.address(ctx, name, &in, &e); err != nil {
		return err
	}
	founds := e.Kind.Recorded() && to.Found()
	if founds {
		if wait := a.reserve(a.core.settings().NewRooms, &a.core.newRooms); wait > 0 {
			to.Unfound()
			return wire.TooSoon(wait)
		}
	}
	if e.Kind.Recorded() {
		e.Since = in.since()
	}
	reads := e.Kind.Counts() && a.key == nil && a.identity.Load() != nil // a key reads nothing
	if !reads && !founds {
		a.append(ctx, to, name, e, done)
		return nil
	}
	a.append(ctx, to, name, e, func(receipt journal.Receipt, err error) { // which does not hold the entry
		done(receipt, err)
		switch {
		case err == nil && reads:
			a.readOwn(name, receipt)
		case err != nil && founds:
			to.Unfound()
		}
	})
	return nil
}

// address checks what a message replies to and whom it mentions, and adds the records of
// that: only members have any. That these are members holds as long as the entry's
// condition does.
func (a *Actor) address(ctx context.Context, room string, in *standing, e *journal.Entry) (err error) {
	if e.Target > 0 {
		page, err := a.core.journal.Read(ctx, journal.Query{Room: room, Backward: true})
		if err != nil {
			return err
		}
		if e.Target > page.Last {
			no := wire.NotFound.Error("")
			no.Message = "reply is the number of no entry"
			return no
		}
	}
	if len(e.Mentions) == 0 {
		return nil
	}
	if e.Mentions[0] == wire.Everybody && !in.Moderate && !a.governs(room) {
		no := wire.Forbidden.Error("")
		no.Field, no.Message = "mentions", "only moderators may mention everybody"
		return no
	}
	if in.Conversation {
		e.With, err = list.Mentioned(ctx, a.core.journal.Records(), room, e.Mentions)
	}
	return err
}

// checkText refuses what is too long. In the raw dialect, max_message bounds that.
func (a *Actor) checkText(e *journal.Entry) error {
	if !e.Kind.Recorded() || e.Text {
		return nil
	}
	return a.checkBody(e.Body)
}

// checkBody refuses a body whose text is too long. What clients say was decoded; what
// an operator says may be anything.
func (a *Actor) checkBody(body []byte) error {
	if a.kind == operator {
		if !json.Valid(body) {
			e := wire.BadFrame.Error("")
			e.Field, e.Message = "body", "body must be a JSON value"
			return e
		}
		return nil
	}
	return wire.CheckText(body, a.core.settings().MaxText)
}

// Typing is the act of telling the others in a room that one is typing: at once, or not
// at all if tells is false, since they were told a moment ago.
func (a Turn) Typing(ctx context.Context, to Appender, name string, tells bool) error {
	in, err := a.writer(ctx, name)
	if err != nil || !tells || in.apart() {
		return err
	}
	f := wire.Writing{Room: name, From: wire.User(a.User())}
	a.append(ctx, to, name, journal.Entry{Kind: journal.Signal, Body: f.Append(nil)}, func(journal.Receipt, error) {})
	return nil
}

// Post is the act of saying something in a room that the actor is not in. It waits for the
// journal. read returns what is said, and is called only for who may say it.
func (a Turn) Post(ctx context.Context, name string, read func() (journal.Entry, error)) (journal.Receipt, error) {
	if err := wire.CheckRoom(name); err != nil {
		return journal.Receipt{}, err
	}
	if _, err := a.writer(ctx, name); err != nil {
		return journal.Receipt{}, err
	}
	e, err := read()
	if err != nil {
		return journal.Receipt{}, err
	}
	checked, err := a.Check(ctx, name, e)
	if err != nil {
		return journal.Receipt{}, err
	}
	return a.fromOutside(ctx, name, func(ctx context.Context, to Appender, done func(journal.Receipt, error)) error {
		return a.Publish(ctx, to, checked, done)
	})
}

// fromOutside carries out an act in a room that the actor is not in but may read.
func (a *Actor) fromOutside(ctx context.Context, name string, act func(context.Context, Appender, func(journal.Receipt, error)) error) (journal.Receipt, error) {
	if err := a.mayUse(ctx, name); err != nil {
		return journal.Receipt{}, err
	}
	return a.through(ctx, name, act)
}
