package chat

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// rawTalk is the raw dialect: the classical chat server. What the client says
// is relayed to the other members of one room, byte for byte.
type rawTalk struct {
	session *Session
	member  member
}

func (t *rawTalk) hear(op ws.OpCode, payload []byte) {
	if !t.pause(t.session.charge(len(payload), maxPause)) {
		t.session.close(wire.TooFast.Bye())
		return
	}
	e := Entry{Kind: Message, Text: true, Body: bytes.Clone(payload)} // the payload is only lent
	if op == ws.OpBinary {
		e.Kind, e.Text = Binary, false
	}
	if err := t.session.mayWrite(t.member.room.name); err != nil {
		var e *wire.Error
		if errors.As(err, &e) {
			t.session.close(e.Code.Bye())
		}
		return
	}
	t.session.post(t.member.room, e, t.done)
}

// maxPause is how long a raw client may be left unread because it says too much.
const maxPause = 5 * time.Second

// pause leaves the client unread for d, or reports false where that is too long.
func (t *rawTalk) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	if d > maxPause {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.session.hub.context.Done():
	}
	return true
}

// done ends the session when a message could not be recorded: a raw client can
// be told nothing, and must not believe that it was heard.
func (t *rawTalk) done(_ Receipt, err error) {
	if err == nil {
		return
	}
	t.session.hub.notRecorded(err)
	t.session.close(wire.Unavailable.Bye())
}

// end implements talk.
func (t *rawTalk) end() {
	m := &t.member
	m.room.do(func() { m.room.leave(m, nil, false) })
}

// last implements talk: a close frame is all that raw clients are told.
func (t *rawTalk) last(*wire.Bye) []byte { return nil }

// begin lets the client hear the room it has joined: its last n text messages
// first, then what was said since.
func (t *rawTalk) begin(ctx context.Context, n int) error {
	room := t.member.room
	var last Seq
	if n > 0 {
		entries, newest, err := lastMessages(ctx, t.session.hub.journal, room.name, n)
		if err != nil {
			return err
		}
		last = newest
		t.sayAll(entries)
	}
	room.do(func() { room.release(&t.member, last) })
	return nil
}

func (t *rawTalk) sayAll(entries []Entry) {
	var frames []byte
	for i := range entries {
		frames = t.member.dialect.append(frames, &entries[i])
		if len(frames) > chunkSize || i == len(entries)-1 {
			t.session.deliver(frames)
			frames = nil
		}
	}
}

// maxHistory bounds what one raw client may ask for.
const maxHistory = 1000

// lastMessages returns the newest n messages of a room that raw clients hear,
// oldest first, and the number of the newest entry.
func lastMessages(ctx context.Context, j Journal, room string, n int) ([]Entry, Seq, error) {
	var found []Entry // newest first
	var last Seq
	for q := (Query{Room: room, Backward: true, Limit: n}); len(found) < n; {
		page, err := j.Read(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		if q.Before == 0 {
			last = page.Last
		}
		for _, e := range slices.Backward(page.Entries) {
			if e.Kind == Message && !e.Recalled && len(found) < n {
				found = append(found, e)
			}
		}
		if !page.More || len(page.Entries) == 0 {
			break
		}
		q.Before = page.Entries[0].Seq
	}
	slices.Reverse(found)
	return found, last, nil
}
