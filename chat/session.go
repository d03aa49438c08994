package chat

import (
	"runtime/debug"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// session is our side of one connection. It lives as long as the connection.
type session struct {
	acts.Actor

	// Fixed before the connection is read.
	began      time.Time
	pinsConfig bool          // the connection keeps in memory what it began with (TLS, h2, h3): see Hub.Retire
	started    bool          // the connection is read; owned by the goroutine in which the session begins
	source     access.Source // the web page that made the connection
	hub        *base
	conn       *wsconn.Conn
	dialect    dialect
	rawSub     *room.Subscription // of a raw session; nil otherwise
	expiry     *time.Timer        // ends a raw session with its token; nil otherwise
}

// dialect is what a session does with what its client sends. Its calls do not
// overlap, except that of Goodbye.
type dialect interface {
	Receive(op ws.OpCode, payload []byte)
	// End leaves the rooms. Nothing is received after it.
	End()
	// Goodbye returns the frames that go before the close frame.
	Goodbye(b *wire.Bye) []byte
}

// RawRoom implements acts.Session.
func (s *session) RawRoom() (name string, ok bool) {
	if s.rawSub == nil {
		return "", false
	}
	return s.rawSub.Room(), true
}

// Message implements wsconn.Handler.
func (s *session) Message(op ws.OpCode, payload []byte) { s.dialect.Receive(op, payload) }

// Slow implements wsconn.Handler.
func (s *session) Slow() { s.Close(wire.Slow) }

// Closed implements wsconn.Handler.
func (s *session) Closed(err error) {
	s.end()
	if c := s.hub.log.Check(zap.DebugLevel, "session closed"); c != nil {
		c.Write(zap.String("session", s.ID()), zap.Stringer("client_ip", s.Addr()), zap.String("user_id", s.User().ID),
			zap.Duration("duration", time.Since(s.began)), zap.Error(err))
	}
}

// end gives back all that the session has, in the end its slot, also if something
// panics. It is called once.
func (s *session) end() {
	s.EndActs()
	defer s.Leave()
	defer s.hub.ended(s.ID())
	if s.expiry != nil {
		s.expiry.Stop()
	}
	if s.dialect != nil {
		s.dialect.End()
	} else if s.rawSub != nil {
		s.rawSub.Lose()
	}
}

// Deliver queues whole frames for the client. It never waits: a client that does
// not read in time is cut off, and may come back and resume.
func (s *session) Deliver(frames []byte) {
	if s.conn.Send(frames) == wsconn.ErrSlow {
		s.Close(wire.Slow)
	}
}

// Close tells the client why its session ends, and ends it.
func (s *session) Close(why wire.Code) { s.CloseWith(why.Bye()) }

// CloseWith says goodbye and ends the connection.
func (s *session) CloseWith(b *wire.Bye) {
	s.EndActs() // before anybody is told that the client was removed
	s.hub.counts.byes[b.Code].Add(1)
	s.conn.Close(ws.StatusCode(b.Code.Close()), b.Message, s.dialect.Goodbye(b))
}

// Go calls f in a goroutine, while the session has its slot: Close of the hub waits for it. If
// f panics, the session ends.
func (s *session) Go(f func()) {
	s.hub.workers.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				s.hub.logPanic(v, debug.Stack())
				s.Close(wire.Internal)
			}
		}()
		f()
	})
}

// IsOver reports whether the connection has ended, or the client was told that it will.
func (s *session) IsOver() bool { return !s.conn.IsOpen() }

// AwaitTaken waits until nothing waits in the outbox, or the connection has ended.
func (s *session) AwaitTaken() { s.conn.Await(0) }

// AwaitClient waits while more than half of the outbox is full.
func (s *session) AwaitClient() { s.conn.Await(s.hub.settings().OutboxLimit / 2) }
