package chatv1

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Subprotocol is the name of the dialect in the handshake.
const Subprotocol = "chat.v1"

// Host is what the hub does for one session, beside the acts of its actor.
type Host interface {
	room.Session
	// Settings are those in force.
	Settings() Settings
	// AwaitClient waits while more than half of the outbox is full.
	AwaitClient()
	// CloseWith says goodbye and ends the connection.
	CloseWith(b *wire.Bye)
	// HelloDone says that the client has said hello, or has gone.
	HelloDone()
	// SignIn finds out who says hello and makes them the session's user.
	SignIn(t acts.Turn, c *wire.Hello) (*access.Identity, error)
	// Renew takes a fresh token of the same user.
	Renew(t acts.Turn, token string) (*access.Identity, error)
	// Go calls f in a goroutine. If it panics, the session ends.
	Go(f func())
	// Refusal returns what the client is told of an error. Errors that nobody
	// expects are logged.
	Refusal(err error) *wire.Error
	// Refused counts an error frame.
	Refused(code wire.Code)
}

// Settings are the limits that a session keeps, and tells its client.
type Settings struct {
	HelloTimeout time.Duration // within which the client must say hello
	PingInterval time.Duration
	Limits       wire.Limits
}
