package chat

import (
	"bytes"
	"context"
	"slices"

	"github.com/gobwas/ws"
	"go.uber.org/zap"
)

// rawTalk is the raw dialect: the classical chat server. What the client says
// is relayed to the other members of one room, byte for byte.
type rawTalk struct {
	session *Session
	member  member
}

func (t *rawTalk) hear(op ws.OpCode, payload []byte) {
	e := Entry{
		Room:   t.member.room.name,
		Kind:   Message,
		Text:   true,
		Body:   bytes.Clone(payload), // the payload is only lent
		Origin: t.session.id,
	}
	if op == ws.OpBinary {
		e.Kind, e.Text = Binary, false
	}
	t.member.room.post(e, t.done)
}

// done ends the session when a message could not be recorded: a raw client can
// be told nothing, and must not believe that it was heard.
func (t *rawTalk) done(_ Receipt, err error) {
	if err == nil {
		return
	}
	if c := t.session.hub.log.Check(zap.WarnLevel, "message not recorded"); c != nil {
		c.Write(zap.Error(err))
	}
	t.session.close(closeUnavailable)
}

// end implements talk.
func (t *rawTalk) end() {
	t.member.room.change(leave, &t.member, 0)
	t.session.hub.release(t.member.room)
}

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
	room.change(release, &t.member, last)
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
