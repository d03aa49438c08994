package admin

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// JSONLines is the Content-Type of entries, one JSON object per line.
const JSONLines = "application/jsonl"

// DamagedTrailer is the trailer of an export that lacks something because the journal is damaged. It
// says so in words.
const DamagedTrailer = "Chat-Damaged"

// DefaultNewest is how many entries a tail or a history has if the request does not say.
const DefaultNewest = 10

// maxNewest is the most entries that a tail begins with.
const maxNewest = 1000

// stream is an endpoint that sends JSON lines.
type stream struct {
	query string // the names of the parameters that it knows
	send  func(hub *chat.Hub, q url.Values, w *lines) error
}

// serve sends a stream. An error before the first line is answered as such. Later ones
// end the connection, which tells the client that the stream is incomplete.
func (s stream) serve(w http.ResponseWriter, r *http.Request) {
	lines := &lines{to: w, request: r}
	lines.buffer = bufio.NewWriterSize(onWrite{w, lines.begin}, 64<<10)
	err := checkQuery(r, s.query)
	var hub *chat.Hub
	if err == nil {
		hub, err = hubOf(r)
	}
	if err == nil {
		err = s.send(hub, r.URL.Query(), lines)
	}
	if errors.Is(err, chat.ErrDamaged) { // the lines are all that there can be
		lines.begin()
		damaged := err
		if err = lines.flush(); err == nil {
			w.Header().Set(http.TrailerPrefix+DamagedTrailer, damaged.Error())
		}
	} else if err == nil {
		lines.begin() // there may be none
		err = lines.buffer.Flush()
	}
	switch {
	case err != nil && lines.began:
		panic(http.ErrAbortHandler)
	case err != nil:
		refuse(w, err)
	}
}

// lines is where a stream is sent.
type lines struct {
	to      http.ResponseWriter
	request *http.Request
	buffer  *bufio.Writer
	began   bool
}

func (l *lines) begin() {
	l.to.Header().Set("Content-Type", JSONLines)
	l.began = true
}

// write sends a line, sooner or later.
func (l *lines) write(line []byte) error {
	_, err := l.buffer.Write(line)
	return err
}

// writeNow sends a line at once.
func (l *lines) writeNow(line []byte) error {
	if err := l.write(line); err != nil {
		return err
	}
	return l.flush()
}

func (l *lines) flush() error {
	if err := l.buffer.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(l.to).Flush()
}

// onWrite calls a function before each write.
type onWrite struct {
	io.Writer
	before func()
}

func (w onWrite) Write(p []byte) (int, error) {
	w.before()
	return w.Writer.Write(p)
}

// number returns a parameter that is a number: missing if it is not there.
func number(q url.Values, name string, missing, most uint64) (uint64, error) {
	if !q.Has(name) {
		return missing, nil
	}
	n, err := strconv.ParseUint(q.Get(name), 10, 64)
	if err != nil || n > most {
		return 0, apiError(http.StatusBadRequest, "%s must be a number up to %d", name, most)
	}
	return n, nil
}

// export sends the entries of a room, or of the whole hub. An export that was
// interrupted is continued with the room and seq of its last line as `from` and `after`.
func export(hub *chat.Hub, q url.Values, out *lines) error {
	ctx := out.request.Context()
	after, err := number(q, "after", 0, wire.MaxSeq)
	switch {
	case err != nil:
		return err
	case q.Has("after") && !q.Has("room") && !q.Has("from"):
		return apiError(http.StatusBadRequest, "after needs a room, or from")
	case q.Has("room") && q.Has("from"):
		return apiError(http.StatusBadRequest, "room and from exclude each other")
	case q.Has("from"):
		if err := checkRoom(q.Get("from")); err != nil {
			return err
		}
	case q.Has("room"):
		if _, err := knownRoom(ctx, hub, q.Get("room")); err != nil {
			return err
		}
	}
	return hub.Export(ctx, q.Get("room"), q.Get("from"), journal.Seq(after), out.write)
}

// history sends the newest entries of a room, or those before a number, and ends.
func history(hub *chat.Hub, q url.Values, out *lines) error {
	newest, err := number(q, "newest", DefaultNewest, wire.MaxSeq)
	if err != nil {
		return err
	}
	before, err := number(q, "before", 0, wire.MaxSeq)
	if err != nil {
		return err
	}
	ctx, room := out.request.Context(), q.Get("room")
	if _, err := knownRoom(ctx, hub, room); err != nil {
		return err
	}
	return hub.History(ctx, room, journal.Seq(before), newest, out.write)
}

// tail sends the newest entries of a room and then each new one, until the client
// disconnects or the hub closes.
func tail(hub *chat.Hub, q url.Values, out *lines) error {
	newest, err := number(q, "newest", DefaultNewest, maxNewest)
	if err != nil {
		return err
	}
	ctx, room := out.request.Context(), q.Get("room")
	switch wait := q.Get("wait"); {
	case wait != "" && wait != "true" && wait != "false":
		return apiError(http.StatusBadRequest, "wait must be true or false")
	case wait == "true":
		err = checkRoom(room)
	default:
		_, err = knownRoom(ctx, hub, room)
	}
	if err != nil {
		return err
	}
	out.begin()
	_ = out.flush() // if this fails, writing the first line does, too
	err = hub.Tail(ctx, room, int(newest), out.writeNow)
	if errors.Is(err, chat.ErrHubClosed) {
		return nil
	}
	return err
}

// importLines records the JSON lines of an export.
func importLines(hub *chat.Hub, r *http.Request) (any, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != JSONLines {
		return nil, badBody("the Content-Type must be %s", JSONLines)
	}
	done, err := hub.Import(r.Context(), r.Body)
	if status, _ := explain(err); err == nil || status != http.StatusInternalServerError {
		return done, err
	}
	return nil, badBody("%w; the lines before it are kept: %d recorded, %d known", err, done.Recorded, done.Known)
}

// serveImport is endpoint.serve for an import, which may take long.
func serveImport(w http.ResponseWriter, r *http.Request) {
	// Caddy has a timeout for reading a request, which an import may exceed.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
		refuse(w, err)
		return
	}
	endpoint{"", onHub(importLines)}.serve(w, r)
	// Without this a client that is still sending would not receive the answer.
	_, _ = io.Copy(io.Discard, r.Body)
}
