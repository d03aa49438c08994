package chat

import (
	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// dialect is how a session speaks: chosen at the handshake, for good.
type dialect uint8

const (
	raw dialect = iota
	dialects
)

// overhead is about what a frame of the dialect adds to a message's body.
func (d dialect) overhead() int { return 4 }

// append appends e as one whole frame, or nothing where the dialect has no word
// for it.
func (d dialect) append(dst []byte, e *Entry) []byte {
	return appendRaw(dst, e)
}

// appendRaw says an entry to a raw client, who hears messages and nothing else.
func appendRaw(dst []byte, e *Entry) []byte {
	switch {
	case e.Kind == Binary:
		return wsconn.AppendFrame(dst, ws.OpBinary, false, e.Body)
	case e.Kind == Message && !e.Recalled && e.Text:
		return wsconn.AppendFrame(dst, ws.OpText, false, e.Body)
	}
	return dst
}
