package wsconn

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// streamSocket is a stream of HTTP/2 or HTTP/3. It lives inside its HTTP
// handler, which waits for done.
type streamSocket struct {
	body         io.ReadCloser
	w            http.ResponseWriter
	control      *http.ResponseController
	writeTimeout time.Duration
	done         chan struct{}
	end          sync.Once
}

// acceptStream answers an extended CONNECT (RFC 8441 section 5).
func (e *Engine) acceptStream(w http.ResponseWriter, r *http.Request, t Terms, h Handler) (*Conn, error) {
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil {
		return nil, fmt.Errorf("answer the handshake: %w", err)
	}
	inner := innermost(w)
	s := &streamSocket{
		body:         r.Body,
		w:            inner,
		control:      http.NewResponseController(inner),
		writeTimeout: e.cfg.WriteTimeout,
		done:         make(chan struct{}),
	}
	return e.register(&Conn{engine: e, handler: h, sock: s, extended: t.Extensions != ""})
}

func (s *streamSocket) attach(*Conn) error         { return nil }
func (s *streamSocket) blocks() bool               { return true }
func (s *streamSocket) ready(int) bool             { return false }
func (s *streamSocket) read(p []byte) (int, error) { return s.body.Read(p) }

// write clears its deadline behind itself: on HTTP/2 one that passes later would
// reset the stream, idle or not.
func (s *streamSocket) write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.writeTimeout)); err != nil {
		return 0, err
	}
	n, err := s.w.Write(p)
	return n, errors.Join(err, s.control.Flush(), s.control.SetWriteDeadline(time.Time{}))
}

// closeWrite ends the stream, which has no other way to end our side of it than
// that its handler returns.
func (s *streamSocket) closeWrite() { s.interrupt() }

func (s *streamSocket) interrupt() {
	now := time.Unix(1, 0)
	if errors.Join(s.control.SetReadDeadline(now), s.control.SetWriteDeadline(now)) != nil {
		_ = s.body.Close() // what is left to try
	}
}

func (s *streamSocket) close() { s.end.Do(func() { close(s.done) }) }
