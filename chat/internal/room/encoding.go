package room

import (
	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Encoding is how a connection gets entries: the dialect that was chosen at the
// handshake, and whether its frames are compressed. It never changes.
type Encoding uint8

// The encodings. An encoding plus Deflated is the same dialect on a connection
// that negotiated compression.
const (
	Raw      Encoding = 0
	V1       Encoding = 2
	Deflated Encoding = 1

	encodings = 4
)

// About how many bytes a frame adds to its payload, and chat.v1 to a body.
const (
	frameOverhead = 4
	envelope      = 160
)

// Append appends e as one whole frame. It appends nothing if the dialect does not
// show such an entry.
func (enc Encoding) Append(dst []byte, e *journal.Entry) []byte {
	if enc&^Deflated == V1 {
		if payload := v1Payload(e); payload != nil {
			return enc.AppendFrame(dst, ws.OpText, payload)
		}
		return dst
	}
	switch e.Kind.Raw() {
	case journal.RawBinary:
		return enc.AppendFrame(dst, ws.OpBinary, e.Body)
	case journal.RawText:
		if !e.Recalled {
			return enc.AppendFrame(dst, ws.OpText, rawText(e))
		}
	}
	return dst
}

// AppendFrame appends payload as one frame.
func (enc Encoding) AppendFrame(dst []byte, op ws.OpCode, payload []byte) []byte {
	if enc&Deflated != 0 {
		return wsconn.AppendDeflated(dst, op, payload)
	}
	return wsconn.AppendFrame(dst, op, false, payload)
}

// rawText returns the text that raw clients get: the text of a body that is a
// JSON string, and any other body as compact JSON.
func rawText(e *journal.Entry) []byte {
	if !e.Text {
		if text, ok := wire.AppendText(nil, e.Body); ok {
			return text
		}
	}
	return e.Body
}

// v1Payload returns the frame of chat.v1 that shows e, or nil. Transient entries
// for clients of chat.v1 carry their frame as the body.
func v1Payload(e *journal.Entry) []byte {
	switch {
	case e.Kind.Name() != "":
		w := wire.EntryOf(e)
		return w.Append(make([]byte, 0, len(e.Body)+envelope))
	case e.Kind.Audience() != journal.Everyone:
		return e.Body
	}
	return nil
}

// Frame returns a frame of chat.v1 as it goes over the wire. It is not
// compressed, so that every connection understands it.
func Frame(f wire.Frame) []byte { return appendText(nil, f.Append(nil)) }

func appendText(dst, payload []byte) []byte {
	return wsconn.AppendFrame(dst, ws.OpText, false, payload)
}
