package chat

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// requestTimeout is how long a client may take to send the body of a request, and how
// long to take answerPart bytes of the answer.
const (
	requestTimeout = 10 * time.Second
	answerPart     = 16 << 10
)

// When the hub leaves, requests have leaveTime until they are given up, and then their
// clients have answerTime to take the answer.
const (
	leaveTime  = 2 * time.Second
	answerTime = time.Second
)

// maxUnread is how many bytes of a body that nobody wants net/http reads at most, to use the
// connection again.
const maxUnread = 256 << 10

// Attend calls serve for a request over plain HTTP. All of them come through here, also
// those that are refused: it bounds how long a client can keep the web server waiting, with
// a body that does not come or an answer that it does not take. Once leaving ends, the
// context of the request ends soon, and so does all waiting for its client: otherwise the
// shutdown of the web server would wait for them. nil never ends.
func Attend(w http.ResponseWriter, r *http.Request, leaving context.Context, serve func(http.ResponseWriter, *http.Request)) {
	if _, is := w.(*attended); is {
		serve(w, r)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	a := &attended{ResponseWriter: w, control: http.NewResponseController(w), lowest: http.NewResponseController(lowest(w))}
	if leaving != nil {
		defer context.AfterFunc(leaving, func() { a.hurry(cancel) })()
		defer a.stop()
	}
	if r.ContentLength != 0 { // also if nobody reads the body: the server reads it before the next request
		_ = a.SetReadDeadline(time.Now().Add(requestTimeout))
	}
	body := r.Body
	serve(a, r.WithContext(ctx))
	// What is left of the body, the server would read when the hub can end it no more.
	switch {
	case r.ProtoMajor > 1 || r.ContentLength == 0 || r.ContentLength > maxUnread:
	case w.Header().Get("Connection") == "close": // it is of no use
		_ = a.SetReadDeadline(time.Now().Add(answerTime))
	default:
		_, _ = io.CopyN(io.Discard, body, maxUnread+1) // a client that sends no more loses its connection
	}
}

// attended is the ResponseWriter of a request that ends when the hub leaves.
type attended struct {
	http.ResponseWriter
	control *http.ResponseController // of the writer below; only the request's goroutine may write with it
	lowest  *http.ResponseController // of net/http's own writer, which any goroutine may use

	mu    sync.Mutex  // guards the rest, and that deadlines are set in order
	over  bool        // the writer below must not be used any more
	reads bool        // there is more of the body to read
	ends  time.Time   // zero while the hub stays
	timer *time.Timer // cancels the request's context at ends
}

// Unwrap makes http.ResponseController find what the writer below can do.
func (a *attended) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// below returns the writer below that of a request that is attended to. net/http tells its
// own writer alone that a body is too long, so that the server does not read the rest.
func below(w http.ResponseWriter) http.ResponseWriter {
	if a, is := w.(*attended); is {
		return a.ResponseWriter
	}
	return w
}

// SetReadDeadline implements what http.ResponseController calls. Whoever has read the body
// sets none: from then on, the server only looks whether the client is there, and a deadline
// would end the context of the request like a client that has gone.
func (a *attended) SetReadDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reads = !t.IsZero(); a.reads {
		t = sooner(t, a.ends)
	}
	return a.control.SetReadDeadline(t)
}

// SetWriteDeadline implements what http.ResponseController calls.
func (a *attended) SetWriteDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.ends
	if !last.IsZero() {
		last = last.Add(answerTime)
	}
	return a.control.SetWriteDeadline(sooner(t, last))
}

// sooner returns the deadline that comes first. Zero is none.
func sooner(t, last time.Time) time.Time {
	if t.IsZero() || !last.IsZero() && last.Before(t) {
		return last
	}
	return t
}

// hurry makes the request end soon.
func (a *attended) hurry(cancel context.CancelCauseFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	a.ends = time.Now().Add(leaveTime)
	a.timer = time.AfterFunc(leaveTime, func() { cancel(ErrHubClosed) })
	if a.reads {
		// Through Caddy's reader, whose lock this needs no other one for: it takes a deadline that
		// it was not told of for its own, and clears it.
		_ = a.control.SetReadDeadline(a.ends)
	}
	_ = a.lowest.SetWriteDeadline(a.ends.Add(answerTime)) // for a write that is under way
}

// Write implements http.ResponseWriter. A writer between this one and net/http's own may set deadlines for
// each write: once the hub leaves it is told of the last one.
func (a *attended) Write(p []byte) (int, error) {
	a.mu.Lock()
	if !a.ends.IsZero() {
		_ = a.control.SetWriteDeadline(a.ends.Add(answerTime))
	}
	a.mu.Unlock()
	return a.ResponseWriter.Write(p)
}

// lowest returns the writer below all others.
func lowest(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, is := w.(interface{ Unwrap() http.ResponseWriter })
		if !is {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// stop is called when the request is over.
func (a *attended) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
}
