package chat

import (
	"errors"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// send hands a message to the journal. Its answer comes when that is recorded.
func (t *conversation) send(c *wire.Send) error {
	m, err := t.mayWrite(c.Room)
	if err != nil {
		return err
	}
	if err := t.session.hub.checkText(c.Body); err != nil {
		return err
	}
	t.session.post(m.room, Entry{Kind: Message, Key: c.Key, Body: c.Body}, t.sent(c))
	return nil
}

// checkText refuses a body whose text is too long.
func (h *Hub) checkText(body []byte) error {
	limit := h.settings().MaxText
	if wire.TextSize(body) <= limit {
		return nil
	}
	e := wire.TextTooLong.Error("")
	e.Message = "the text has more than " + strconv.Itoa(limit) + " characters"
	return e
}

// mayWrite returns the client's place in a room that it may write to.
func (t *conversation) mayWrite(room string) (*member, error) {
	m, err := t.member(room)
	if err != nil {
		return nil, err
	}
	return m, t.session.mayWrite(room)
}

// sent returns what to do when the journal has an answer to c. It is called by
// the journal and does not wait.
func (t *conversation) sent(c wire.Command) func(Receipt, error) {
	id, room, recall := c.CommandID(), "", false
	switch c := c.(type) {
	case *wire.Send:
		room = c.Room
	case *wire.Recall:
		room, recall = c.Room, true
	}
	return func(r Receipt, err error) {
		switch {
		case err != nil:
			t.session.hub.notRecorded(err)
			t.say(wire.Unavailable.Error(id))
		case id == "":
		case recall && r.Duplicate:
			t.say(&wire.Sent{ID: id, Room: room, Duplicate: true})
		default:
			t.say(&wire.Sent{ID: id, Room: room, Seq: uint64(r.Seq), At: r.At, Duplicate: r.Duplicate})
		}
	}
}

// notRecorded logs why what a client said was not recorded.
func (h *Hub) notRecorded(err error) {
	if errors.Is(err, ErrJournalClosed) {
		return // the hub is closing
	}
	if c := h.log.Check(zap.WarnLevel, "message not recorded"); c != nil {
		c.Write(zap.Error(err))
	}
}

// recall takes a message back.
func (t *conversation) recall(c *wire.Recall) error {
	m, err := t.member(c.Room)
	if err != nil {
		return err
	}
	if err := t.session.hub.sanctions.check(muted, t.session.user().ID, c.Room); err != nil {
		return err
	}
	target := Seq(c.Seq)
	page, err := t.session.hub.journal.Read(t.context(), Query{Room: c.Room, After: target - 1, Limit: 1})
	if err != nil {
		return err
	}
	if len(page.Entries) == 0 || page.Entries[0].Seq != target || page.Entries[0].Kind != Message {
		return wire.NotFound.Error("")
	}
	found := &page.Entries[0]
	if found.Recalled {
		t.sent(c)(Receipt{Duplicate: true}, nil)
		return nil
	}
	if err := t.mayRecall(found); err != nil {
		return err
	}
	t.session.post(m.room, Entry{Kind: Recall, Target: target, Key: recallKey(target)}, t.sent(c))
	return nil
}

func (t *conversation) mayRecall(e *Entry) error {
	rights := t.session.rights(e.Room)
	if rights.Moderate {
		return nil
	}
	switch window := t.session.hub.settings().RecallWindow; {
	case e.From.ID != t.session.user().ID, !rights.Write:
		return wire.Forbidden.Error("")
	case time.Since(time.UnixMilli(e.At)) > window:
		return wire.TooLate.Error("")
	}
	return nil
}

// typingInterval is how often others are told that somebody is writing.
const typingInterval = 2 * time.Second

// typing tells the others that the user is writing.
func (t *conversation) typing(c *wire.Typing) error {
	m, err := t.mayWrite(c.Room)
	if err != nil {
		return err
	}
	if now := time.Now(); now.Sub(time.UnixMilli(m.typed)) >= typingInterval {
		m.typed = now.UnixMilli()
		told := wire.Writing{Room: c.Room, From: wireUser(t.session.user())}
		t.session.post(m.room, Entry{Kind: Signal, Body: told.Append(nil)}, func(Receipt, error) {})
	}
	t.acknowledge(c.ID, c.Room)
	return nil
}
