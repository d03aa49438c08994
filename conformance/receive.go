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

// isMessage reports whether e is a text or binary message, as rooms relay them.
func (e event) isMessage() bool { return e.opcode == opText || e.opcode == opBinary }

func (e event) String() string {
	name := map[byte]string{opText: "text", opBinary: "binary", opClose: "close", opPing: "ping", opPong: "pong"}[e.opcode]
	if len(e.payload) <= 48 {
		return fmt.Sprintf("%s %q", name, e.payload)
	}
	return fmt.Sprintf("%s %q… of %d bytes", name, e.payload[:48], len(e.payload))
}

// reader assembles what a server sends into messages and control frames.
type reader struct {
	in      *bufio.Reader
	limit   int    // of a message
	partial *event // a message whose last fragment has not come
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

// assemble adds a fragment to its message (RFC 6455 section 5.4). It returns the
// message once that is whole.
func (r *reader) assemble(f serverFrame) (e event, whole bool, err error) {
	switch {
	case f.opcode == opContinuation && r.partial == nil:
		return e, false, protocolError("server sent a continuation without a message")
	case f.opcode == opContinuation:
		r.partial.payload = append(r.partial.payload, f.payload...)
	case f.opcode != opText && f.opcode != opBinary:
		return e, false, protocolError(fmt.Sprintf("server sent opcode %#x", f.opcode))
	case r.partial != nil:
		return e, false, protocolError("server began a message within a message")
	default:
		r.partial = &event{f.opcode, f.payload}
	}
	if f.more {
		return e, false, nil
	}
	e, r.partial = *r.partial, nil
	if e.opcode == opText && !utf8.Valid(e.payload) {
		return e, false, protocolError("server sent a text that is not UTF-8")
	}
	return e, true, nil
}

// eventQueue holds what a server has sent. A goroutine fills it at once, whether
// or not the case waits for anything: a server may close a client that does not
// answer its pings.
type eventQueue struct {
	arrived chan struct{} // capacity 1; holds an element after each put

	mu     sync.Mutex // guards events and err
	events []event
	err    error // why no more will come

	taken []event // owned by the caller of next
}

func newEventQueue() *eventQueue { return &eventQueue{arrived: make(chan struct{}, 1)} }

// errTimeout is returned by next when nothing came before its deadline.
var errTimeout = errors.New("nothing came in time")

// fill reads until the connection ends, and answers pings.
func (q *eventQueue) fill(r *reader, write func([]byte) error) {
	for {
		e, err := r.next()
		if err == nil && e.opcode == opPing {
			// If this fails, a later read will fail too.
			_ = write(frame{opcode: opPong, payload: e.payload}.append(nil))
		}
		q.put(e, err)
		if err != nil {
			return
		}
	}
}

func (q *eventQueue) put(e event, err error) {
	q.mu.Lock()
	if q.err = err; err == nil {
		q.events = append(q.events, e)
	}
	q.mu.Unlock()
	select {
	case q.arrived <- struct{}{}:
	default: // next will look again anyway
	}
}

// next returns the next event. It waits for one until the deadline.
func (q *eventQueue) next(deadline time.Time) (event, error) {
	for {
		if len(q.taken) > 0 {
			e := q.taken[0]
			q.taken = q.taken[1:]
			return e, nil
		}
		var err error
		q.mu.Lock()
		q.taken, q.events, err = q.events, nil, q.err
		q.mu.Unlock()
		if len(q.taken) > 0 {
			continue
		}
		if err != nil {
			return event{}, err
		}
		select {
		case <-q.arrived:
		case <-time.After(time.Until(deadline)):
			return event{}, errTimeout
		}
	}
}
