package chatv1

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Session is one session of chat.v1. It carries out the commands of its client
// one after the other, in the order in which they came: all of them, or, while a check of
// the site is asked, those about one room. (Only the answers to send and recall come
// later, when the journal has answered.)
//
// Its answers are frames like any other and wait in the outbox. While a client
// leaves answers unread, we read no further commands from it.
type Session struct {
	host     Host          // fixed
	actor    *acts.Actor   // fixed
	encoding room.Encoding // fixed
	greeted  atomic.Bool   // the client has said hello

	// Owned by the goroutine that reads the connection, and then by whoever has the right to
	// carry out a command: see lines.
	subs    []*room.Subscription
	typedAt map[*room.Subscription]time.Time // when the client last said that it is typing; nil until then
	lines   *lines                           // nil until a check is asked

	timer *time.Timer // until the hello must have come, and then until the token ends; set by AwaitHello
}

// NewSession returns a session that waits for the client's hello.
func NewSession(host Host, actor *acts.Actor, enc room.Encoding) *Session {
	return &Session{host: host, actor: actor, encoding: enc}
}

// Goodbye returns the frame that goes before the close frame. Any goroutine may
// call it.
func (s *Session) Goodbye(b *wire.Bye) []byte { return room.Frame(b) }

// End leaves all rooms. It is called when the connection has ended.
func (s *Session) End() {
	if !s.greeted.Load() {
		s.host.HelloDone()
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.lines != nil {
		s.lines.end()
	}
	for _, sub := range s.subs {
		sub.Lose()
	}
}

// answer sends f. It waits while the client does not read what it has asked for.
func (s *Session) answer(f wire.Frame) {
	s.host.AwaitClient()
	s.send(f)
}

// send sends f. It does not wait.
func (s *Session) send(f wire.Frame) { s.host.Deliver(s.frame(f)) }

// frame returns f as this connection gets it.
func (s *Session) frame(f wire.Frame) []byte {
	scratch := payloads.Get().(*[]byte)
	payload := f.Append((*scratch)[:0])
	frame := s.encoding.AppendFrame(nil, ws.OpText, payload)
	if *scratch = payload; cap(payload) <= maxPayload {
		payloads.Put(scratch)
	}
	return frame
}

// payloads lends memory in which a frame is encoded. A long answer would otherwise
// allocate four times its size while the payload grows.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// maxPayload is how long a payload may be for its memory to be kept.
const maxPayload = 1 << 20

// acknowledge answers a command whose answer has nothing else to tell. A command
// without an id gets no answer.
func (s *Session) acknowledge(id, name string) {
	if id != "" {
		s.answer(&wire.OK{ID: id, Room: name})
	}
}

func (s *Session) refuse(e *wire.Error) {
	s.host.Refused(e.Code)
	s.answer(e)
}

// errorFor returns the error frame for the command c, which is nil if it could not
// be read.
func (s *Session) errorFor(err error, c wire.Command) *wire.Error {
	e := *s.host.Refusal(err) // a copy, since the error may be shared
	if e.ID == "" && c != nil {
		e.ID = c.CommandID()
	}
	return &e
}

// subscription returns the subscription to a room, or nil. It forgets one that
// has ended.
func (s *Session) subscription(name string) *room.Subscription {
	for i, sub := range s.subs {
		if sub.Room() != name {
			continue
		}
		if !sub.Ended() {
			return sub
		}
		s.forget(i)
		break
	}
	return nil
}

// joined is like subscription, with an error for a room that the client is not
// in.
func (s *Session) joined(name string) (*room.Subscription, error) {
	if sub := s.subscription(name); sub != nil {
		return sub, nil
	}
	return nil, wire.NotJoined.Error("")
}

func (s *Session) forget(i int) {
	delete(s.typedAt, s.subs[i])
	end := len(s.subs) - 1
	s.subs[i] = s.subs[end]
	s.subs[end] = nil
	s.subs = s.subs[:end]
}

// answered returns what to do when the journal has answered a send or a recall.
// The journal calls it, so it does not wait.
func (s *Session) answered(id, name string, sent func(journal.Receipt) *wire.Sent) func(journal.Receipt, error) {
	return func(r journal.Receipt, err error) {
		if err != nil {
			e := s.errorFor(err, nil)
			e.ID = id
			s.host.Refused(e.Code)
			s.send(e)
			return
		}
		if id == "" {
			return
		}
		f := sent(r)
		f.ID, f.Room, f.Duplicate = id, name, r.Duplicate
		s.send(f)
	}
}
