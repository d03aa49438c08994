package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"
)

// event is a whole message or a control frame from the server.
type event struct {
	opcode  byte
	payload []byte
}

// heard is what a member of the room is relayed.
func (e event) heard() bool { return e.opcode == opText || e.opcode == opBinary }

func (e event) String() string {
	name := map[byte]string{opText: "text", opBinary: "binary", opClose: "close", opPing: "ping", opPong: "pong"}[e.opcode]
	if len(e.payload) <= 48 {
		return fmt.Sprintf("%s %q", name, e.payload)
	}
	return fmt.Sprintf("%s %q… of %d bytes", name, e.payload[:48], len(e.payload))
}

// reader puts together what a server sends.
type reader struct {
	in      *bufio.Reader
	limit   int    // of a message
	partial *event // a message of which fragments have come
}

// next returns the next message or control frame.
func (r *reader) next() (event, error) {
	for {
		f, err := readFrame(r.in, r.limit)
		if err != nil {
			return event{}, err
		}
		e := event{f.opcode, f.payload}
		switch f.opcode {
		case opPing, opPong:
			return e, nil
		case opClose:
			_, err := checkClose(f.payload)
			return e, err
		}
		if e, whole, err := r.assemble(f); err != nil || whole {
			return e, err
		}
	}
}

// assemble adds a fragment to its message (RFC 6455 section 5.4), and returns
// the message once it is whole.
func (r *reader) assemble(f received) (e event, whole bool, err error) {
	switch {
	case f.opcode == opContinuation && r.partial == nil:
		return e, false, breach("server sent a continuation of nothing")
	case f.opcode == opContinuation:
		r.partial.payload = append(r.partial.payload, f.payload...)
	case f.opcode != opText && f.opcode != opBinary:
		return e, false, breach(fmt.Sprintf("server sent opcode %#x", f.opcode))
	case r.partial != nil:
		return e, false, breach("server began a message within a message")
	default:
		r.partial = &event{f.opcode, f.payload}
	}
	if f.more {
		return e, false, nil
	}
	e, r.partial = *r.partial, nil
	if e.opcode == opText && !utf8.Valid(e.payload) {
		return e, false, breach("server sent a text that is not UTF-8")
	}
	return e, true, nil
}

// inbox holds what a server has sent. It is filled whether anybody looks or not:
// a client that left pings unread would be given up.
type inbox struct {
	arrived chan struct{} // has one element when there is more than next knows

	mu     sync.Mutex // guards the next two
	events []event
	err    error // why no more will come

	seen []event // owned by the caller of next
}

func newInbox() *inbox { return &inbox{arrived: make(chan struct{}, 1)} }

// errPatience says that nothing came in time.
var errPatience = errors.New("nothing came in time")

// fill reads until the connection ends, and answers pings.
func (b *inbox) fill(r *reader, write func([]byte) error) {
	for {
		e, err := r.next()
		if err == nil && e.opcode == opPing {
			// Where this fails, reading will too, once what came is read.
			_ = write(frame{opcode: opPong, payload: e.payload}.append(nil))
		}
		b.put(e, err)
		if err != nil {
			return
		}
	}
}

func (b *inbox) put(e event, err error) {
	b.mu.Lock()
	if b.err = err; err == nil {
		b.events = append(b.events, e)
	}
	b.mu.Unlock()
	select {
	case b.arrived <- struct{}{}:
	default: // next has yet to look anyway
	}
}

// next returns what came next. It waits until timeout.
func (b *inbox) next(timeout time.Time) (event, error) {
	for {
		if len(b.seen) > 0 {
			e := b.seen[0]
			b.seen = b.seen[1:]
			return e, nil
		}
		var err error
		b.mu.Lock()
		b.seen, b.events, err = b.events, nil, b.err
		b.mu.Unlock()
		if len(b.seen) > 0 {
			continue
		}
		if err != nil {
			return event{}, err
		}
		select {
		case <-b.arrived:
		case <-time.After(time.Until(timeout)):
			return event{}, errPatience
		}
	}
}
