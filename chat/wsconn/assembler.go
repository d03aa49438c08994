package wsconn

import (
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// sink receives what an assembler puts together. Payloads are valid until the
// call returns.
type sink interface {
	message(op ws.OpCode, payload []byte, compressed bool) error
	control(op ws.OpCode, payload []byte) error
	// fragment is called at the end of a frame of n bytes that does not end its message.
	fragment(n int64) error
}

// owner is the connection of an assembler.
type owner interface {
	// partials are the messages that are not whole or that a Handler has, of all
	// connections. relieve keeps them within their bound.
	partials() *holders[*assembler]
	relieve()
	// fail closes the connection.
	fail(why *CloseError)
}

// assembler turns the bytes of one connection into whole messages, wherever the
// network has cut them. Between messages it holds nothing and can be used for any
// connection. Within a message it holds the bytes received so far, so a header
// that announces a large frame costs nothing.
type assembler struct {
	sink  sink   // set by the reader before it feeds
	early []byte // what came behind the handshake, to be fed first

	header    [maxHeader]byte // a header cut by the end of a read
	headerLen int

	frame     ws.Header // the frame whose payload is being read
	remaining int64     // bytes of its payload still to come
	offset    int64     // bytes of its payload fed so far, for the mask
	inPayload bool      // the three above apply

	op         ws.OpCode // of the message being put together; 0 between messages
	compressed bool      // that message is
	size       int       // bytes of it so far
	ctl        []byte    // payload of a control frame cut by the end of a read

	owner   owner // whose message it is; fixed while body holds something
	spoiled bool  // dropped, as the reader has seen it: no other connection may have this

	mu      sync.Mutex // guards the rest
	body    []byte     // of the message
	handed  int        // what the message takes that the sink has
	account account    // what both take
	dropped bool       // body was given up; the connection ends
}

// unfinished reports whether a message or frame has begun and not ended.
func (a *assembler) unfinished() bool { return a.inPayload || a.op != 0 || a.headerLen > 0 }

// feed takes the next bytes, which it unmasks in place. max bounds the payload
// of a whole message over all its fragments. deflate says that permessage-deflate
// was negotiated.
func (a *assembler) feed(p []byte, max int, deflate bool) error {
	for len(p) > 0 {
		if !a.inPayload {
			n, err := a.readHeader(p, max, deflate)
			if err != nil {
				return err
			}
			p = p[n:]
			if !a.inPayload {
				return nil // the header is not whole yet
			}
		}
		// A frame without payload gets here too, with an empty part.
		part := p[:min(int64(len(p)), a.remaining)]
		p = p[len(part):]
		if err := a.readPayload(part); err != nil {
			return err
		}
	}
	return nil
}

// readHeader reads a header from what was kept and p, and returns how much of p
// it took.
func (a *assembler) readHeader(p []byte, max int, deflate bool) (int, error) {
	kept := a.headerLen
	src := p
	if kept > 0 {
		a.headerLen += copy(a.header[kept:], p)
		src = a.header[:a.headerLen]
	}
	h, n, err := parseHeader(src)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		if kept == 0 {
			a.headerLen = copy(a.header[:], p)
		}
		return len(p), nil
	}
	a.headerLen = 0
	if err := a.checkHeader(h, max, deflate); err != nil {
		return 0, err
	}
	a.frame, a.remaining, a.offset, a.inPayload = h, h.Length, 0, true
	return n - kept, nil
}

// checkHeader checks a header against the rules and the state of the message,
// and begins a message if it is the header of a first frame.
func (a *assembler) checkHeader(h ws.Header, max int, deflate bool) error {
	state := ws.StateServerSide
	if a.op != 0 {
		state = state.Set(ws.StateFragmented)
	}
	compressed := false
	if deflate && h.Rsv1() && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) {
		compressed = true // RSV1 of a message's first frame, and nothing else (RFC 7692 section 6.1)
		h.Rsv &^= 4
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return protocolError(err.Error())
	}
	if h.OpCode.IsControl() {
		return nil
	}
	if h.Length > int64(max-a.size) {
		return errTooLarge
	}
	if h.OpCode != ws.OpContinuation {
		a.op, a.compressed = h.OpCode, compressed
	}
	return nil
}

// readPayload takes the next bytes of the current frame. At the end of the frame
// it passes on the message or control frame that they complete.
func (a *assembler) readPayload(part []byte) error {
	ws.Cipher(part, a.frame.Mask, int(a.offset&3))
	whole := a.offset == 0 && int64(len(part)) == a.remaining
	a.offset += int64(len(part))
	a.remaining -= int64(len(part))
	if a.remaining == 0 {
		a.inPayload = false
	}
	if a.frame.OpCode.IsControl() {
		return a.readControl(part, whole)
	}
	if whole && a.frame.Fin && a.size == 0 { // the usual case: nothing to keep
		return a.finish(part)
	}
	if err := a.keep(part); err != nil {
		return err
	}
	switch {
	case a.inPayload:
		return nil
	case !a.frame.Fin:
		return a.sink.fragment(a.frame.Length)
	}
	a.owner.relieve()
	body, err := a.take()
	if err != nil {
		return err
	}
	defer a.taken()
	return a.finish(body)
}

// errUnfinished ends a connection whose message took most of what all messages may take
// that are not whole, or that their Handlers have.
var errUnfinished = &CloseError{Code: ws.StatusPolicyViolation, Reason: "too many messages that are not whole, or wait"}

// keep appends to the message. Its memory counts among that of all connections.
func (a *assembler) keep(part []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dropped {
		return errUnfinished
	}
	before := cap(a.body)
	a.body = append(a.body, part...)
	a.size += len(part)
	a.countLocked(cap(a.body) - before)
	return nil
}

// take returns the message, which is whole. It counts until taken is called: a Handler may
// wait with it.
func (a *assembler) take() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dropped {
		return nil, errUnfinished
	}
	body := a.body
	a.body, a.handed = nil, cap(body)
	return body, nil
}

func (a *assembler) taken() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.countLocked(-a.handed)
	a.handed = 0
	a.spoiled = a.dropped
}

// drop gives up the message. What else comes of it is an error.
func (a *assembler) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropLocked()
}

func (a *assembler) dropLocked() {
	a.countLocked(-cap(a.body) - a.handed)
	a.body, a.handed, a.dropped = nil, 0, true
}

func (a *assembler) countLocked(n int) {
	if n != 0 {
		a.owner.partials().add(a, n)
	}
}

// held implements holder.
func (a *assembler) held() *account { return &a.account }

// cutOff implements holder. The memory is free at once, or when the Handler returns; the
// connection ends in its time.
func (a *assembler) cutOff(class int8) {
	a.mu.Lock()
	if a.account.class < class {
		a.mu.Unlock()
		return
	}
	a.owner.partials().pay(a)
	a.dropLocked()
	owner := a.owner
	a.mu.Unlock()
	owner.fail(errUnfinished)
}

func (a *assembler) readControl(part []byte, whole bool) error {
	if !whole {
		a.ctl = append(a.ctl, part...)
		if a.inPayload {
			return nil
		}
		part, a.ctl = a.ctl, nil
	}
	return a.sink.control(a.frame.OpCode, part)
}

func (a *assembler) finish(body []byte) error {
	op, compressed := a.op, a.compressed
	a.op, a.compressed, a.size = 0, false, 0
	if op == ws.OpText && !compressed && !utf8.Valid(body) {
		return errNotUTF8
	}
	return a.sink.message(op, body, compressed)
}
