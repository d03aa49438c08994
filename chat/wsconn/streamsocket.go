package wsconn

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// streamSocket is a stream of HTTP/2 or HTTP/3. It lives inside its HTTP
// handler, which waits for done. Only the return of that handler ends our side
// of the stream in order: it sends END_STREAM behind a close frame.
type streamSocket struct {
	// Fixed.
	body    io.ReadCloser
	w       http.ResponseWriter      // the innermost
	control *http.ResponseController // of w
	outer   *http.ResponseController // of the writer with all its wrappers
	done    chan struct{}
	little  int // see littleRead

	finished atomic.Bool // everything has been written
}

// newStreamSocket takes over a stream whose handshake has been answered.
func newStreamSocket(body io.ReadCloser, inner http.ResponseWriter, outer *http.ResponseController) (*streamSocket, error) {
	s := &streamSocket{
		body:    body,
		w:       inner,
		control: http.NewResponseController(inner),
		outer:   outer,
		done:    make(chan struct{}),
		little:  littleSize,
	}
	// The server has set deadlines for a usual request.
	if err := errors.Join(s.control.SetReadDeadline(time.Time{}), s.control.SetWriteDeadline(time.Time{})); err != nil {
		return nil, fmt.Errorf("clear the deadlines of the handshake: %w", err)
	}
	return s, nil
}

func (s *streamSocket) attach(readyHandler) error  { return nil }
func (s *streamSocket) blocks() bool               { return true }
func (s *streamSocket) progress() progress         { return progress{} }
func (s *streamSocket) writesAtOnce(int) bool      { return false }
func (s *streamSocket) littleRead() int            { return s.little }
func (s *streamSocket) read(p []byte) (int, error) { return s.body.Read(p) }

// write sets no deadline: on HTTP/2, one that passes resets the stream, even while
// the peer reads or nothing is written.
func (s *streamSocket) write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	return n, errors.Join(err, s.control.Flush())
}

// closeWrite makes the reader end, and with it the HTTP handler: our side of a
// stream can't be ended in another way. So the peer's answer to a close frame is
// not waited for.
func (s *streamSocket) closeWrite() bool {
	s.finished.Store(true)
	s.stopReading()
	return true
}

// interrupt resets a stream of HTTP/2. When everything has been written there is
// nothing to interrupt, and a reset might overtake what was written.
func (s *streamSocket) interrupt() {
	if s.finished.Load() {
		return
	}
	_ = s.control.SetWriteDeadline(past) // fails only on a closed stream
	s.stopReading()
}

// stopReading goes through the wrappers of the ResponseWriter: one that sets a
// deadline before each read of the body must know about ours.
func (s *streamSocket) stopReading() {
	if s.outer.SetReadDeadline(past) != nil {
		_ = s.body.Close() // what is left to try
	}
}

func (s *streamSocket) close() { close(s.done) }
