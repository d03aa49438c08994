package chat

import (
	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// dialect is how a session speaks: chosen at the handshake, for good.
type dialect uint8

const (
	raw dialect = 0

	// deflated is added to a dialect whose connection negotiated compression.
	deflated dialect = 1

	dialects = 2
)

// frameOverhead is about what a frame adds to a message.
const frameOverhead = 4

// append appends e as one whole frame, or nothing where the dialect has no word
// for it.
func (d dialect) append(dst []byte, e *Entry) []byte {
	op := ws.OpText
	switch {
	case e.Kind == Binary:
		op = ws.OpBinary
	case e.Kind == Message && !e.Recalled && e.Text:
	default:
		return dst
	}
	if d&deflated != 0 {
		return wsconn.AppendDeflated(dst, op, e.Body)
	}
	return wsconn.AppendFrame(dst, op, false, e.Body)
}
