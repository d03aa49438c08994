package acts

import (
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// changed is a message that is being changed.
type changed struct {
	room string
	seq  journal.Seq
}

// change changes a message: one change of it at a time on this node, until the journal has the
// answer. In a conversation the actor's own commands wait for each other, too: each may have
// to be judged again. once judges and appends; it calls done unless it returns an error.
func (a *Actor) change(ctx context.Context, m changed, once func(context.Context, func(journal.Receipt, error)) error, done func(journal.Receipt, error)) error {
	if err := a.notMuted(m.room); err != nil {
		return err
	}
	unlock, err := a.core.changing.Lock(ctx, m)
	if err != nil {
		return err
	}
	if a.rights(m.room, access.NoRole).Conversation {
		next, err := a.core.speaking.Lock(ctx, speaker{&a.unanswered, m.room})
		if err != nil {
			unlock()
			return err
		}
		changed := unlock
		unlock = func() { next(); changed() }
	}
	err = a.judged(ctx, governTries, once, func(receipt journal.Receipt, err error) {
		unlock()
		if errors.Is(err, journal.ErrNoTarget) {
			err = wire.NotFound.Error("") // another node has recalled it meanwhile, or it is no longer kept
		}
		done(receipt, err)
	})
	if err != nil {
		unlock()
	}
	return err
}

// Recall is the act of taking a message back. done is called at once if the
// message is already recalled, with a receipt that has only Duplicate set;
// otherwise when the journal has an answer.
func (a Turn) Recall(ctx context.Context, to Appender, name string, target journal.Seq, done func(journal.Receipt, error)) error {
	return a.change(ctx, changed{name, target}, func(ctx context.Context, done func(journal.Receipt, error)) error {
		return a.recallOnce(ctx, to, name, target, done)
	}, done)
}

func (a *Actor) recallOnce(ctx context.Context, to Appender, name string, target journal.Seq, done func(journal.Receipt, error)) error {
	in, err := a.doer(ctx, name)
	if err != nil {
		return err
	}
	found, err := a.findMessage(ctx, name, &in, target, in.Moderate) // moderators recall what they are told of
	if err != nil {
		return err
	}
	if found.Recalled {
		done(journal.Receipt{Duplicate: true}, nil)
		return nil
	}
	if err := a.mayRecall(found, &in); err != nil {
		return err
	}
	e := tags.Recall(target)
	e.Since = in.since()
	if in.Conversation {
		e.Mentions = found.Mentions // whose rows change
	}
	if e.With, err = tags.OfMessage(ctx, a.core.journal.Records(), name, target); err != nil {
		return err
	}
	a.append(ctx, to, name, e, func(receipt journal.Receipt, err error) {
		if err == nil && found.From.ID != a.User().ID {
			a.audit(events.Event{Act: "recall", Room: name, Seq: target, User: found.From.ID})
		}
		done(receipt, err)
	})
	return nil
}

// findMessage returns the message with that number, or an error with the code not_found if
// there is none, or if it is one of somebody else that the user is not shown, unless anyOf
// is set.
func (a *Actor) findMessage(ctx context.Context, name string, in *standing, seq journal.Seq, anyOf bool) (*journal.Entry, error) {
	if err := a.mayReadNow(); err != nil {
		return nil, err
	}
	s, err := a.viewOf(ctx, name, in)
	if err != nil {
		return nil, err
	}
	page, err := a.read(ctx, journal.Query{Room: name, After: seq - 1, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(page.Entries) == 0 || page.Entries[0].Seq != seq || !page.Entries[0].Kind.Erasable() {
		return nil, wire.NotFound.Error("")
	}
	found := page.Entries[0]
	if s.Hide(&page, false, time.Now()); len(page.Entries) == 0 && found.From.ID != a.User().ID && !anyOf {
		return nil, wire.NotFound.Error("")
	}
	return &found, nil
}

func (a *Actor) mayRecall(e *journal.Entry, in *standing) error {
	switch {
	case in.Moderate:
		return nil
	case e.From.ID != a.User().ID, !in.Write:
		return wire.Forbidden.Error("")
	case a.key == nil && time.Since(time.UnixMilli(e.At)) > a.core.settings().RecallWindow:
		return wire.TooLate.Error("")
	}
	return nil
}

// CheckEdit is Check for the new body of a message.
func (a Turn) CheckEdit(ctx context.Context, room string, target journal.Seq, e journal.Entry) (Checked, error) {
	e.Kind, e.Target = journal.Edit, target
	if !a.Checks(room) {
		return Checked{room: room, entry: e}, nil
	}
	var known *journal.Receipt
	err := a.notMuted(room)
	if err == nil {
		_, known, err = a.mayEdit(ctx, room, &e)
	}
	if err != nil || known != nil {
		return Checked{room: room, entry: e, known: known}, err
	}
	return a.passed(ctx, room, e, &check.Question{About: check.Edit, Seq: uint64(target)})
}

// Edit is the act of replacing the body of one's own message by one that the checks have
// let pass, perhaps with a key.
func (a Turn) Edit(ctx context.Context, to Appender, c Checked, done func(journal.Receipt, error)) error {
	if c.known != nil {
		done(*c.known, nil)
		return nil
	}
	return a.change(ctx, changed{c.room, c.entry.Target}, func(ctx context.Context, done func(journal.Receipt, error)) error {
		in, known, err := a.mayEdit(ctx, c.room, &c.entry)
		switch {
		case err != nil:
			return err
		case known != nil:
			done(*known, nil)
			return nil
		}
		e := c.entry
		e.Since = in.since()
		a.append(ctx, to, c.room, e, done)
		return nil
	}, a.core.asker.Telling(c.room, c.came, done))
}

// mayEdit returns why an edit is refused, or the actor's standing. It looks for the key
// first: whoever has no answer to an edit asks again, perhaps after the time to edit.
func (a *Actor) mayEdit(ctx context.Context, name string, e *journal.Entry) (in standing, known *journal.Receipt, err error) {
	if in, err = a.doer(ctx, name); err != nil {
		return in, nil, err
	}
	if e.Key != "" {
		receipt, err := a.core.journal.Find(ctx, name, a.User().ID, e.Key)
		if err != nil || receipt.Seq > 0 {
			return in, &receipt, err
		}
	}
	found, err := a.findMessage(ctx, name, &in, e.Target, false)
	switch {
	case err != nil:
		return in, nil, err
	case found.Recalled:
		return in, nil, wire.NotFound.Error("")
	case found.From.ID != a.User().ID, !in.Write:
		return in, nil, wire.Forbidden.Error("")
	case a.key == nil && time.Since(time.UnixMilli(found.At)) > a.core.settings().EditWindow:
		return in, nil, wire.TooLate.Error("")
	}
	return in, nil, a.checkBody(e.Body)
}

// Tag is the act of tagging a message, for oneself or for all, or of removing such a tag. If
// nothing changes, the receipt has only Duplicate set.
func (a Turn) Tag(ctx context.Context, to Appender, c *wire.SetTag, done func(journal.Receipt, error)) error {
	m := changed{c.Room, journal.Seq(c.Seq)}
	return a.change(ctx, m, func(ctx context.Context, done func(journal.Receipt, error)) error {
		return a.tagOnce(ctx, to, c, done)
	}, done)
}

func (a *Actor) tagOnce(ctx context.Context, to Appender, c *wire.SetTag, done func(journal.Receipt, error)) error {
	in, err := a.doer(ctx, c.Room)
	if err != nil {
		return err
	}
	if !in.Write || c.Shared && !in.Moderate && !a.governs(c.Room) {
		return wire.Forbidden.Error("")
	}
	found, err := a.findMessage(ctx, c.Room, &in, journal.Seq(c.Seq), a.isAboveRoles())
	if err != nil {
		return err
	}
	if found.Recalled {
		return wire.NotFound.Error("")
	}
	change := tags.Change{Room: c.Room, Seq: found.Seq, Tag: c.Tag}
	if !c.Shared {
		change.User = a.User().ID
	}
	if string(c.Value) != "false" {
		change.Value = c.Value
	}
	with, err := change.Records(ctx, a.core.journal.Records())
	if err != nil {
		return err
	}
	if with == nil {
		done(journal.Receipt{Duplicate: true}, nil)
		return nil
	}
	e := journal.Entry{Kind: journal.Tag, Target: found.Seq, Body: c.AppendBody(nil), Since: in.since(), With: with}
	a.append(ctx, to, c.Room, e, done)
	return nil
}

// EditFromOutside edits in a room that the actor is not in, and waits for the journal.
func (a Turn) EditFromOutside(ctx context.Context, c *wire.Edit) (journal.Receipt, error) {
	if err := a.mayUse(ctx, c.Room); err != nil {
		return journal.Receipt{}, err
	}
	checked, err := a.CheckEdit(ctx, c.Room, journal.Seq(c.Seq), journal.Entry{Key: c.Key, Body: c.Body})
	if err != nil {
		return journal.Receipt{}, err
	}
	return a.fromOutside(ctx, c.Room, func(ctx context.Context, to Appender, done func(journal.Receipt, error)) error {
		return a.Edit(ctx, to, checked, done)
	})
}

// TagFromOutside tags in a room that the actor is not in, and waits for the journal.
func (a Turn) TagFromOutside(ctx context.Context, c *wire.SetTag) (journal.Receipt, error) {
	return a.fromOutside(ctx, c.Room, func(ctx context.Context, to Appender, done func(journal.Receipt, error)) error {
		return a.Tag(ctx, to, c, done)
	})
}

// RecallFromOutside recalls in a room that the actor is not in, and waits for the journal.
func (a Turn) RecallFromOutside(ctx context.Context, name string, target journal.Seq) (journal.Receipt, error) {
	return a.fromOutside(ctx, name, func(ctx context.Context, to Appender, done func(journal.Receipt, error)) error {
		return a.Recall(ctx, to, name, target, done)
	})
}
