package chat

import (
	"net/netip"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

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
	conn  *wsconn.Conn
	talk  talk
}

// talk is what a session does with what its client says: one implementation for
// each dialect. Its calls never overlap.
type talk interface {
	hear(op ws.OpCode, payload []byte)
	// end leaves the rooms. Nothing is heard after it.
	end()
}

// Message implements wsconn.Handler.
func (s *Session) Message(op ws.OpCode, payload []byte) { s.talk.hear(op, payload) }

// Closed implements wsconn.Handler.
func (s *Session) Closed(err error) {
	s.talk.end()
	s.hub.leave(s)
	if c := s.hub.log.Check(zap.DebugLevel, "session closed"); c != nil {
		c.Write(zap.String("session", s.id), zap.Duration("after", time.Since(s.began)), zap.Error(err))
	}
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
	s.close(closeSlow)
}

func (s *Session) close(why goodbye) {
	s.conn.Close(why.code, why.reason, nil)
}

// goodbye is how a session's end is told to its client. Codes from 4000 to 4499
// invite it to come back, those above don't.
type goodbye struct {
	code   ws.StatusCode
	reason string
}

var (
	closeSlow        = goodbye{4001, "you read more slowly than the room speaks"}
	closeUnavailable = goodbye{4002, "the room can't record messages now"}
	closeShutdown    = goodbye{ws.StatusGoingAway, "the server is shutting down"}
)
