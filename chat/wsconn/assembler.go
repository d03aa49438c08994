package wsconn

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// sink gets what an assembler puts together. Payloads are valid until the call
// returns.
type sink interface {
	message(op ws.OpCode, payload []byte, compressed bool) error
	control(op ws.OpCode, payload []byte) error
}

// assembler turns the bytes of one connection into whole messages, however the
// network cut them. Between messages it is as good as new; within one it keeps
// no more than the bytes received so far, so that a header that announces much
// costs nothing.
type assembler struct {
	sink  sink   // set by whoever feeds it
	early []byte // what came behind the handshake, to be fed first

	header  [maxHeader]byte // a header cut by the end of a read
	nheader int

	frame  ws.Header // the frame whose payload is being read
	left   int64     // bytes of it still to come; meaningful while inside
	got    int64     // bytes of it seen: the place in the mask
	inside bool

	op         ws.OpCode // of the message being put together; 0 between messages
	compressed bool
	body       []byte // of that message
	ctl        []byte // of a control frame cut by the end of a read
}

// unfinished reports whether a message or frame has begun and not ended.
func (a *assembler) unfinished() bool { return a.inside || a.op != 0 || a.nheader > 0 }

// feed takes the next bytes, which it unmasks in place. max bounds the payload
// of a whole message over all its fragments.
func (a *assembler) feed(p []byte, max int, extended bool) error {
	for len(p) > 0 {
		if !a.inside {
			n, err := a.begin(p, max, extended)
			if err != nil {
				return err
			}
			p = p[n:]
			if !a.inside {
				return nil // the header is not whole yet
			}
		}
		// A frame without payload gets here too, with an empty part.
		part := p[:min(int64(len(p)), a.left)]
		p = p[len(part):]
		if err := a.payload(part); err != nil {
			return err
		}
	}
	return nil
}

// begin reads a header from what was kept and p, and returns how much of p it
// took.
func (a *assembler) begin(p []byte, max int, extended bool) (int, error) {
	kept := a.nheader
	src := p
	if kept > 0 {
		a.nheader += copy(a.header[kept:], p)
		src = a.header[:a.nheader]
	}
	h, n, err := parseHeader(src)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		if kept == 0 {
			a.nheader = copy(a.header[:], p)
		}
		return len(p), nil
	}
	a.nheader = 0
	if err := a.admit(h, max, extended); err != nil {
		return 0, err
	}
	a.frame, a.left, a.got, a.inside = h, h.Length, 0, true
	return n - kept, nil
}

// admit checks a header against the rules and the state of the message.
func (a *assembler) admit(h ws.Header, max int, extended bool) error {
	state := ws.StateServerSide
	if a.op != 0 {
		state = state.Set(ws.StateFragmented)
	}
	compressed := false
	if extended && h.Rsv1() && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) {
		compressed = true // RSV1 of a message's first frame, and nothing else (RFC 7692 section 6.1)
		h.Rsv &^= 4
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return protocolError(err.Error())
	}
	if h.OpCode.IsControl() {
		return nil
	}
	if h.Length > int64(max-len(a.body)) {
		return &CloseError{Code: ws.StatusMessageTooBig, Reason: "message too large"}
	}
	if h.OpCode != ws.OpContinuation {
		a.op, a.compressed = h.OpCode, compressed
	}
	return nil
}

// payload takes the next bytes of the current frame and, at its end, hands on
// what they complete.
func (a *assembler) payload(part []byte) error {
	ws.Cipher(part, a.frame.Mask, int(a.got&3))
	whole := a.got == 0 && int64(len(part)) == a.left
	a.got += int64(len(part))
	a.left -= int64(len(part))
	if a.left == 0 {
		a.inside = false
	}
	if a.frame.OpCode.IsControl() {
		return a.controlPart(part, whole)
	}
	if whole && a.frame.Fin && len(a.body) == 0 { // the usual case: nothing to keep
		return a.finish(part)
	}
	a.body = append(a.body, part...)
	if a.inside || !a.frame.Fin {
		return nil
	}
	return a.finish(a.body)
}

func (a *assembler) controlPart(part []byte, whole bool) error {
	if !whole {
		a.ctl = append(a.ctl, part...)
		if a.inside {
			return nil
		}
		part, a.ctl = a.ctl, nil
	}
	return a.sink.control(a.frame.OpCode, part)
}

func (a *assembler) finish(body []byte) error {
	op, compressed := a.op, a.compressed
	a.op, a.compressed, a.body = 0, false, nil
	if op == ws.OpText && !compressed && !utf8.Valid(body) {
		return errNotUTF8
	}
	return a.sink.message(op, body, compressed)
}

var errNotUTF8 = &CloseError{Code: ws.StatusInvalidFramePayloadData, Reason: "text is not UTF-8"}
