package caddymodule

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// jsonLines is the type of entries as JSON lines.
const jsonLines = "application/jsonl"

// streams are the parts of the admin API that send or take JSON lines.
func streams() map[string]http.HandlerFunc {
	const hub = "/chat/hubs/{hub}"
	return map[string]http.HandlerFunc{
		"GET " + hub + "/export":  serveExport,
		"GET " + hub + "/tail":    serveTail,
		"POST " + hub + "/import": serveImport,
	}
}

// refuse answers with an error in place of a stream.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	serveAdmin(w, r, func(*http.Request) (any, error) { return nil, err })
}

// streamed checks what a stream is asked about, and returns a number of its query.
func streamed(r *http.Request, number string, otherwise, most uint64) (hub *chat.Hub, n uint64, err error) {
	q := r.URL.Query()
	n = otherwise
	if q.Has(number) {
		n, err = strconv.ParseUint(q.Get(number), 10, 53)
	}
	hub = runningHubs()[r.PathValue("hub")]
	switch {
	case hub == nil:
		return nil, 0, apiError(http.StatusNotFound, "no hub %q is running", r.PathValue("hub"))
	case err != nil || n > most:
		return nil, 0, apiError(http.StatusBadRequest, "%s must be a number up to %d", number, most)
	case q.Has("room") && chat.CheckRoom(q.Get("room")) != nil:
		return nil, 0, apiError(http.StatusBadRequest, "%w", chat.CheckRoom(q.Get("room")))
	}
	return hub, n, nil
}

// serveExport streams a room's entries, or a hub's, as JSON lines. Where it
// breaks off, the last line says where to go on: `from` and `after`.
func serveExport(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	hub, after, err := streamed(r, "after", 0, 1<<53-1)
	if err == nil && q.Has("after") && !q.Has("room") && !q.Has("from") {
		err = apiError(http.StatusBadRequest, "after needs a room, or from")
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", jsonLines)
	out := bufio.NewWriterSize(w, 64<<10)
	err = hub.Export(r.Context(), q.Get("room"), q.Get("from"), chat.Seq(after), func(line []byte) error {
		_, err := out.Write(line)
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		panic(http.ErrAbortHandler) // so that the client knows that it is not whole
	}
}

// newestShown is how many entries a tail begins with, unless it is told.
const newestShown = 10

// serveTail streams a room's newest entries and then every further one, as JSON
// lines, until the client goes or the hub closes.
func serveTail(w http.ResponseWriter, r *http.Request) {
	hub, newest, err := streamed(r, "newest", newestShown, maxPage)
	room := r.URL.Query().Get("room")
	if err == nil && room == "" {
		err = apiError(http.StatusBadRequest, "room is missing")
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", jsonLines)
	out := http.NewResponseController(w)
	_ = out.Flush() // an error comes again with the first line
	err = hub.Tail(r.Context(), room, int(newest), func(line []byte) error {
		if _, err := w.Write(line); err != nil {
			return err
		}
		return out.Flush()
	})
	if !errors.Is(err, chat.ErrHubClosed) {
		panic(http.ErrAbortHandler) // so that the client knows that it has missed something
	}
}

// serveImport records JSON lines such as an export gives.
func serveImport(w http.ResponseWriter, r *http.Request) {
	// Caddy bounds the time in which a request is read, which this one may well
	// exceed.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
		refuse(w, r, err)
		return
	}
	serveAdmin(w, r, onHub(importLines))
	// Who is still sending would else lose the answer.
	_, _ = io.Copy(io.Discard, r.Body)
}

func importLines(hub *chat.Hub, r *http.Request) (any, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != jsonLines {
		return nil, apiError(http.StatusBadRequest, "the Content-Type must be %s", jsonLines)
	}
	done, err := hub.Import(r.Context(), r.Body)
	switch {
	case err == nil:
		return done, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, chat.ErrUnavailable), errors.Is(err, chat.ErrJournalClosed):
		return nil, err
	}
	return nil, apiError(http.StatusBadRequest, "%w; what came before it is kept: %d recorded, %d known", err, done.Recorded, done.Known)
}
