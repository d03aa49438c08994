// Package rawdialect is the raw dialect, the classical chat server: what a client
// says is relayed to everybody else in its one room, byte for byte.
//
// # Files, lowest first
//
//	credential.go  which texts have a credential, and are not relayed
//	session.go     a session
package rawdialect

import (
	"bytes"
	"errors"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Host is what the hub does for one session, beside the acts of its actor.
type Host interface {
	room.Session
	// AwaitTaken waits until the client has taken everything, or is gone.
	AwaitTaken()
	// IsOver reports whether the session has ended or is about to.
	IsOver() bool
	// CloseWith is Close in other words.
	CloseWith(b *wire.Bye)
}

// Session is one session of the raw dialect.
type Session struct {
	// Fixed.
	host  Host
	actor *acts.Actor
	sub   *room.Subscription
}

// NewSession returns a session that is subscribed to its room. The subscription is
// held until Begin.
func NewSession(host Host, actor *acts.Actor, sub *room.Subscription) *Session {
	return &Session{host, actor, sub}
}

// MaxHistory bounds how many messages one client may ask for.
const MaxHistory = 1000

// chunkSize is how many bytes of history are queued at once.
const chunkSize = 64 << 10

// Begin delivers the last n messages of the room, and then what was said since
// the session joined. joined is the room's newest entry from before that. Begin takes
// the client's time: a page is read when the client has taken the one before. However
// much is said meanwhile, all of it follows. t is that of the handshake.
func (s *Session) Begin(t acts.Turn, n int, joined journal.Seq) error {
	if n == 0 {
		s.sub.Resume(0, 0)
		return nil
	}
	s.sub.Connect()
	recent, err := t.NewRecent(s.sub.Room(), joined, n, s.host.IsOver)
	for err == nil && !s.sub.Ended() {
		var page []journal.Entry
		var upTo journal.Seq
		more := true
		if page, upTo, more, err = recent.Next(); err != nil {
			break
		}
		s.deliver(page)
		if more {
			continue
		}
		var live bool
		if live, err = s.sub.TryResume(s.actor.Soon(), upTo); live {
			return nil
		}
	}
	return err
}

func (s *Session) deliver(entries []journal.Entry) {
	var frames []byte
	for i := range entries {
		frames = s.sub.Encoding().Append(frames, &entries[i])
		if len(frames) > chunkSize || i == len(entries)-1 {
			s.host.AwaitTaken()
			s.host.Deliver(frames)
			frames = nil
		}
	}
	s.host.AwaitTaken()
}

// Receive publishes what the client said. Calls must not overlap.
func (s *Session) Receive(op ws.OpCode, payload []byte) {
	t, _, goes := s.actor.Frame(len(payload))
	if goes {
		s.host.Close(wire.TooFast)
		return
	}
	if op == ws.OpText && hasCredential(payload) {
		s.host.CloseWith(&wire.Bye{Code: wire.Forbidden, Message: "this connection is raw: Sec-WebSocket-Protocol: chat.v1 did not arrive"})
		return
	}
	e := journal.Entry{Kind: journal.Message, Text: true, Body: bytes.Clone(payload)} // payload is valid during the call only
	if op == ws.OpBinary {
		e.Kind, e.Text = journal.Binary, false
	}
	checked, err := t.Check(t.Lasting(), s.sub.Room(), e)
	if err == nil {
		err = t.Publish(t.Soon(), s.sub, checked, s.published)
	}
	var no *wire.Error
	if errors.As(err, &no) {
		s.host.Close(no.Code)
	}
}

// published ends the session if a message could not be recorded: a raw client
// cannot be told so, and must not believe that others have it.
func (s *Session) published(_ journal.Receipt, err error) {
	if err != nil {
		s.host.Close(wire.Unavailable)
	}
}

// Goodbye returns nothing: a close frame is all that raw clients are told.
func (s *Session) Goodbye(*wire.Bye) []byte { return nil }

// End leaves the room. It is called when the connection has ended.
func (s *Session) End() { s.sub.Lose() }
