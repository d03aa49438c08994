package admin

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// JSONLines is the Content-Type of entries, one JSON object per line.
const JSONLines = "application/jsonl"

// DefaultNewest is how many entries a tail begins with if the request does not say.
const DefaultNewest = 10

// maxNewest is the most entries that a tail begins with.
const maxNewest = 1000

// refuse answers with an error instead of a stream.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	serveJSON(w, r, func(*http.Request) (any, error) { return nil, err })
}

// streamRequest checks what the requests for streams have in common. It returns the
// hub and the number of the query that is called name: missing if there is none.
func streamRequest(r *http.Request, name string, missing, most uint64) (hub *chat.Hub, n uint64, err error) {
	if hub, err = hubOf(r); err != nil {
		return nil, 0, err
	}
	q := r.URL.Query()
	n = missing
	if q.Has(name) {
		if n, err = strconv.ParseUint(q.Get(name), 10, 64); err != nil || n > most {
			return nil, 0, apiError(http.StatusBadRequest, "%s must be a number up to %d", name, most)
		}
	}
	if q.Has("room") {
		if err := journal.CheckRoom(q.Get("room")); err != nil {
			return nil, 0, apiError(http.StatusBadRequest, "%w", err)
		}
	}
	return hub, n, nil
}

// serveExport streams the entries of a room, or of the whole hub, as JSON lines.
// An export that was interrupted is continued with the room and seq of its last line
// as `from` and `after`.
func serveExport(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	hub, after, err := streamRequest(r, "after", 0, wire.MaxSeq)
	if err == nil && q.Has("after") && !q.Has("room") && !q.Has("from") {
		err = apiError(http.StatusBadRequest, "after needs a room, or from")
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	sent := false
	out := bufio.NewWriterSize(onWrite{w, func() {
		w.Header().Set("Content-Type", JSONLines)
		sent = true
	}}, 64<<10)
	err = hub.Export(r.Context(), q.Get("room"), q.Get("from"), journal.Seq(after), func(line []byte) error {
		_, err := out.Write(line)
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	switch {
	case err == nil && !sent:
		w.Header().Set("Content-Type", JSONLines) // there is nothing to export
	case err != nil && !sent:
		refuse(w, r, err)
	case err != nil:
		panic(http.ErrAbortHandler) // tells the client that the export is incomplete
	}
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

// serveTail streams the newest entries of a room and then each new one, as JSON
// lines, until the client disconnects or the hub closes.
func serveTail(w http.ResponseWriter, r *http.Request) {
	hub, newest, err := streamRequest(r, "newest", DefaultNewest, maxNewest)
	room := r.URL.Query().Get("room")
	if err == nil && room == "" {
		err = apiError(http.StatusBadRequest, "room is missing")
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", JSONLines)
	out := http.NewResponseController(w)
	_ = out.Flush() // if this fails, writing the first line does, too
	err = hub.Tail(r.Context(), room, int(newest), func(line []byte) error {
		if _, err := w.Write(line); err != nil {
			return err
		}
		return out.Flush()
	})
	if !errors.Is(err, chat.ErrHubClosed) {
		panic(http.ErrAbortHandler) // tells the client that it has missed entries
	}
}

// serveImport records the JSON lines of an export.
func serveImport(w http.ResponseWriter, r *http.Request) {
	// Caddy has a timeout for reading a request, which an import may exceed.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
		refuse(w, r, err)
		return
	}
	serveJSON(w, r, onHub(importLines))
	// Without this a client that is still sending would not receive the answer.
	_, _ = io.Copy(io.Discard, r.Body)
}

func importLines(hub *chat.Hub, r *http.Request) (any, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != JSONLines {
		return nil, apiError(http.StatusBadRequest, "the Content-Type must be %s", JSONLines)
	}
	done, err := hub.Import(r.Context(), r.Body)
	switch {
	case err == nil:
		return done, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, journal.ErrUnavailable), errors.Is(err, journal.ErrClosed):
		return nil, err
	}
	return nil, apiError(http.StatusBadRequest, "%w; the lines before it are kept: %d recorded, %d known", err, done.Recorded, done.Known)
}
