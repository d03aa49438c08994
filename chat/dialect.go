package chat

import (
	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// dialect is how a session speaks: chosen at the handshake, for good.
type dialect uint8

const (
	raw dialect = 0
	v1  dialect = 2 // chat.v1

	// deflated is added to a dialect whose connection negotiated compression.
	deflated dialect = 1

	dialects = 4
)

// Subprotocol names the dialect that PROTOCOL.md describes.
const Subprotocol = "chat.v1"

// frameOverhead is about what a frame adds to a message; envelope is what
// chat.v1 adds.
const (
	frameOverhead = 4
	envelope      = 160
)

// append appends e as one whole frame, or nothing where the dialect has no word
// for it.
func (d dialect) append(dst []byte, e *Entry) []byte {
	op, payload := ws.OpText, e.Body
	if d&^deflated == v1 {
		if payload = v1Payload(e); payload == nil {
			return dst
		}
	} else {
		switch {
		case e.Kind == Binary:
			op = ws.OpBinary
		case e.Kind != Message || e.Recalled:
			return dst
		case !e.Text:
			payload = rawText(e.Body)
		}
	}
	return d.encode(dst, op, payload)
}

// encode appends payload as one frame.
func (d dialect) encode(dst []byte, op ws.OpCode, payload []byte) []byte {
	if d&deflated != 0 {
		return wsconn.AppendDeflated(dst, op, payload)
	}
	return wsconn.AppendFrame(dst, op, false, payload)
}

// rawText is how raw clients see a body of chat.v1.
func rawText(body []byte) []byte {
	if text, ok := wire.AppendText(nil, body); ok {
		return text
	}
	return body
}

func v1Payload(e *Entry) []byte {
	switch e.Kind {
	case Message, Recall, Notice:
		w := wireEntry(e)
		return w.Append(make([]byte, 0, len(e.Body)+envelope))
	case Signal:
		return e.Body
	}
	return nil
}

var entryTypes = map[Kind]wire.EntryType{Message: wire.Message, Recall: wire.Recalled, Notice: wire.Notice}

func wireEntry(e *Entry) wire.Entry {
	return wire.Entry{
		Type:   entryTypes[e.Kind],
		Room:   e.Room,
		Seq:    uint64(e.Seq),
		At:     e.At,
		From:   wireUser(e.From),
		Key:    e.Key,
		Body:   e.Body,
		Text:   e.Text,
		Target: uint64(e.Target),
		Gone:   e.Recalled,
	}
}

func wireUser(u User) wire.User { return wire.User(u) }

// textFrame is a frame of chat.v1 as it goes over the wire, uncompressed: every
// connection understands it.
func textFrame(f wire.Frame) []byte { return appendText(nil, f.Append(nil)) }

func appendText(dst, payload []byte) []byte {
	return wsconn.AppendFrame(dst, ws.OpText, false, payload)
}
