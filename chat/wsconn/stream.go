package wsconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// streamSocket is a stream of HTTP/2 or HTTP/3. It lives inside its HTTP
// handler, which waits for done: what is orderly about the stream's end, such as
// END_STREAM behind a close frame, is that the handler returns.
type streamSocket struct {
	// Fixed.
	body         io.ReadCloser
	w            http.ResponseWriter      // the innermost
	control      *http.ResponseController // of w
	outer        *http.ResponseController
	writeTimeout time.Duration
	done         chan struct{}

	finished    atomic.Bool // all has been written
	interrupted atomic.Bool
}

// acceptStream answers an extended CONNECT (RFC 8441 section 5).
func (e *Engine) acceptStream(w http.ResponseWriter, r *http.Request, t Terms, h Handler) (*Conn, error) {
	w.WriteHeader(http.StatusOK)
	outer, inner := http.NewResponseController(w), innermost(w)
	if err := outer.Flush(); err != nil {
		return nil, fmt.Errorf("answer the handshake: %w", err)
	}
	s := &streamSocket{
		body:         r.Body,
		w:            inner,
		control:      http.NewResponseController(inner),
		outer:        outer,
		writeTimeout: e.cfg.WriteTimeout,
		done:         make(chan struct{}),
	}
	// The server's own are for requests that end.
	if err := errors.Join(s.control.SetReadDeadline(time.Time{}), s.control.SetWriteDeadline(time.Time{})); err != nil {
		return nil, fmt.Errorf("clear the deadlines of the handshake: %w", err)
	}
	return e.register(&Conn{engine: e, handler: h, sock: s, extended: t.Extensions != ""})
}

func (s *streamSocket) attach(*Conn) error         { return nil }
func (s *streamSocket) blocks() bool               { return true }
func (s *streamSocket) ready(int) bool             { return false }
func (s *streamSocket) read(p []byte) (int, error) { return s.body.Read(p) }

// write clears its deadline behind itself: on HTTP/2 one that passes later would
// reset the stream, idle or not. Where the deadline is set after interrupt has
// set its own, interrupted is seen.
func (s *streamSocket) write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.writeTimeout)); err != nil {
		return 0, err
	}
	if s.interrupted.Load() {
		return 0, net.ErrClosed
	}
	n, err := s.w.Write(p)
	return n, errors.Join(err, s.control.Flush(), s.control.SetWriteDeadline(time.Time{}))
}

// closeWrite has the reader end, and with it the handler: a stream has no other
// way to end our side of it. The peer's answer to a close frame isn't waited for.
func (s *streamSocket) closeWrite() {
	s.finished.Store(true)
	s.stopReading()
}

// interrupt resets a stream of HTTP/2. Where all has been written there is
// nothing to interrupt, and a reset might overtake it.
func (s *streamSocket) interrupt() {
	if s.finished.Load() {
		return
	}
	s.interrupted.Store(true)
	_ = s.control.SetWriteDeadline(past) // fails only on a closed stream
	s.stopReading()
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// stopReading goes by way of the wrappers: one that sets a deadline before each
// read of the body must know of ours.
func (s *streamSocket) stopReading() {
	if s.outer.SetReadDeadline(past) != nil {
		_ = s.body.Close() // what is left to try
	}
}

func (s *streamSocket) close() { close(s.done) }
