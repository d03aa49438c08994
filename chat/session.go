package chat

import (
	"net/netip"
	"sync/atomic"
	"time"
	"unique"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Session is our side of one conversation with a client. It lives as long as the
// client's connection.
type Session struct {
	// Fixed before the connection starts.
	hub   *Hub
	id    string
	addr  netip.Addr // the client's
	began time.Time
	holds bool                // more than its connection: see Hub.Retire
	page  unique.Handle[page] // that made the connection, or noPage
	conn  *wsconn.Conn
	talk  talk

	// identity is nil until the client has said who it is, and for raw clients
	// of whom nothing is known.
	identity atomic.Pointer[Identity]

	own   pace
	users *pace // what all sessions of the user share; set with identity, by the reader or before it

	unsettled gate // bytes of what it said and the journal has not answered
}

// unsettledLimit bounds what one client may have said without its being
// recorded, in bytes. Until then it is not read any further.
const unsettledLimit = 256 << 10

// talk is what a session does with what its client says: one implementation for
// each dialect. Its calls never overlap, but for last.
type talk interface {
	hear(op ws.OpCode, payload []byte)
	// end leaves the rooms. Nothing is heard after it.
	end()
	// last returns the frames that say goodbye ahead of the close frame.
	last(b *wire.Bye) []byte
}

// Message implements wsconn.Handler.
func (s *Session) Message(op ws.OpCode, payload []byte) { s.talk.hear(op, payload) }

// Closed implements wsconn.Handler.
func (s *Session) Closed(err error) {
	s.talk.end()
	s.hub.leave(s)
	if c := s.hub.log.Check(zap.DebugLevel, "session closed"); c != nil {
		c.Write(zap.String("session", s.id), zap.Stringer("client_ip", s.addr), zap.String("user_id", s.user().ID),
			zap.Duration("duration", time.Since(s.began)), zap.Error(err))
	}
}

// user is who speaks. Until a client has said who it is, it is a guest that
// nobody knows.
func (s *Session) user() User {
	if id := s.identity.Load(); id != nil {
		return id.User
	}
	return User{ID: s.id, Guest: true}
}

// post hands an entry of this session to the journal. It waits while the client
// has said more than it should without an answer.
func (s *Session) post(r *room, e Entry, done func(Receipt, error)) {
	s.unsettled.pass(unsettledLimit)
	e.Room, e.Origin, e.From = r.name, s.id, s.user()
	cost := e.Size()
	s.unsettled.add(cost)
	r.post(e, func(receipt Receipt, err error) {
		s.unsettled.add(-cost)
		done(receipt, err)
	})
}

// deliver passes whole frames on to the client. It never waits for it: one that
// does not keep up is cut off.
func (s *Session) deliver(frames []byte) {
	if s.conn.Send(frames) == wsconn.ErrSlow {
		s.cutOff()
	}
}

// cutOff ends the session of a client that does not read as fast as its rooms
// speak. It may come back and resume.
func (s *Session) cutOff() {
	s.hub.counts.slow.Add(1)
	s.close(wire.Slow.Bye())
}

// close says goodbye and ends the connection.
func (s *Session) close(b *wire.Bye) {
	s.hub.counts.byes[b.Code].Add(1)
	s.conn.Close(ws.StatusCode(b.Code.Close()), b.Message, s.talk.last(b))
}
