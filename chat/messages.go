package chat

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// ServeMessages serves the messages of a room over plain HTTP, as PROTOCOL.md
// has it: GET reads a page, POST says something. It is for backends, which need
// no connection to do either; their users, rooms, permissions and limits are
// those of everybody else.
func (h *Handler) ServeMessages(w http.ResponseWriter, r *http.Request, room string) {
	serve := h.getMessages
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		serve = h.postMessage
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	if err := serve(w, r, room); err != nil {
		h.Problem(w, err)
	}
}

// Problem answers a request with an error, as problem details.
func (h *Handler) Problem(w http.ResponseWriter, err error) {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		h.Hub.noteCause(err)
	case isPassing(err):
		e = wire.Unavailable.Error("")
	default:
		h.Hub.log.Error("request failed", zap.Error(err))
		e = wire.Internal.Error("")
	}
	h.Hub.counts.errors[e.Code].Add(1)
	status := e.Code.Status()
	if status == 0 {
		status = http.StatusBadRequest
	}
	if after := e.RetryAfter(); after != "" {
		w.Header().Set("Retry-After", after)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	reply(w, status, "application/problem+json", e.AppendProblem(nil, status))
}

// ServeHealth says whether the hub serves as it should, and nothing more: 200 ok,
// or 503.
func (h *Handler) ServeHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if h.Hub.Health() != nil {
		http.Error(w, "not ok", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

func reply(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has gone needs no answer
}

// visitor finds out who makes a request, and whether it may read the room.
func (h *Handler) visitor(r *http.Request, room string) (*Identity, error) {
	if err := CheckRoom(room); err != nil {
		e := wire.BadRoom.Error("")
		e.Message = err.Error()
		return nil, e
	}
	if !h.Origins.Allow(r) {
		return nil, wire.Forbidden.Error("")
	}
	token := bearer(r)
	id, err := h.auth().Authenticate(r.Context(), Credential{token, r})
	if errors.Is(err, ErrNoCredential) || err == nil && token == "" && id.User.Guest {
		e := wire.BadToken.Error("")
		e.Message = "a token is needed"
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	if err := h.Hub.sanctions.check(banned, id.User.ID, ""); err != nil {
		return nil, err
	}
	return id, h.Hub.mayRead(id, room)
}

// charge takes a request of n bytes in, or says that it comes too soon.
func (h *Hub) charge(id *Identity, n int) error {
	set, now := h.settings(), h.now()
	wait := h.paces.of(id.User.ID, now).take(set.UserRate, set.UserBytes, now, n, 0)
	if wait <= 0 {
		return nil
	}
	h.counts.refused[RefusedPace].Add(1)
	return tooFast(wait)
}

func (h *Handler) getMessages(w http.ResponseWriter, r *http.Request, room string) error {
	id, err := h.visitor(r, room)
	if err == nil {
		err = h.Hub.charge(id, 0)
	}
	if err != nil {
		return err
	}
	q, limit, err := pageWanted(r.URL.Query())
	if err != nil {
		return err
	}
	q.Room = room
	page, err := h.Hub.readPage(r.Context(), id, q, h.Hub.historyLimits(limit))
	if err != nil {
		return err
	}
	body := &wire.Page{Room: room, Epoch: page.Epoch, Entries: wireEntries(page.Entries), More: page.More}
	reply(w, http.StatusOK, "application/json", body.AppendBody(nil))
	return nil
}

// pageWanted reads which page is asked for.
func pageWanted(values url.Values) (q Query, limit int, err error) {
	var n [3]uint64
	for i, name := range []string{"before", "after", "limit"} {
		if !values.Has(name) {
			continue
		}
		if n[i], err = strconv.ParseUint(values.Get(name), 10, 53); err != nil || n[i] == 0 && name != "after" {
			return q, 0, badField(name, "must be a number from 1 to 2^53-1, or from 0 for after")
		}
	}
	if values.Has("before") && values.Has("after") {
		return q, 0, badField("after", "can't stand beside before")
	}
	q = Query{Backward: !values.Has("after"), Before: Seq(n[0]), After: Seq(n[1])}
	return q, int(min(n[2], 1<<20)), nil
}

func badField(name, what string) *wire.Error {
	e := wire.BadFrame.Error("")
	e.Field, e.Message = name, name+" "+what
	return e
}

func (h *Handler) postMessage(w http.ResponseWriter, r *http.Request, room string) error {
	id, err := h.visitor(r, room)
	if err == nil {
		err = h.Hub.mayWrite(id, room)
	}
	if err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	body, err := h.posted(w, r, id)
	if err != nil {
		return err
	}
	receipt, err := h.Hub.say(r.Context(), Entry{Room: room, Kind: Message, From: id.User, Key: key, Body: body})
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if receipt.Duplicate {
		status = http.StatusOK
	}
	sent := &wire.Sent{Room: room, Seq: uint64(receipt.Seq), At: receipt.At, Duplicate: receipt.Duplicate}
	reply(w, status, "application/json", sent.AppendBody(nil))
	return nil
}

// posted reads the body of the message that is sent.
func (h *Handler) posted(w http.ResponseWriter, r *http.Request, id *Identity) ([]byte, error) {
	p, err := ReadJSON(w, r, h.Hub.settings().MaxMessage)
	if err == nil {
		err = h.Hub.charge(id, len(p))
	}
	if err != nil {
		return nil, err
	}
	body, err := wire.DecodePost(p)
	if err != nil {
		return nil, err
	}
	return body, h.Hub.checkText(body)
}

// ReadJSON reads the body of a request, which must be JSON of at most limit
// bytes. The error is one for Handler.Problem.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int) ([]byte, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		e := wire.BadFrame.Error("")
		e.Message = "the Content-Type must be application/json"
		return nil, e
	}
	p, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		e := wire.TooLarge.Error("")
		e.Message = "the request has more than " + strconv.Itoa(limit) + " bytes"
		return nil, e
	case err != nil:
		e := wire.BadFrame.Error("")
		e.Message = "the request did not arrive whole"
		return nil, e
	}
	return p, nil
}

// idempotencyKey returns the key of a request, with or without quotes around it.
func idempotencyKey(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if len(key) > wire.MaxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", badField("Idempotency-Key", "must have at most "+strconv.Itoa(wire.MaxKey)+" printable ASCII characters")
	}
	return key, nil
}

// postPatience is how long a request waits for the journal.
const postPatience = 30 * time.Second

// say hands an entry in that no session says, by the way that all entries of its
// room go, and waits for the receipt.
func (h *Hub) say(ctx context.Context, e Entry) (Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, postPatience)
	defer cancel()
	room, err := h.acquire(e.Room, 0)
	if err != nil {
		return Receipt{}, err
	}
	defer h.release(room)
	e.Room = room.name // the caller's may be a part of a long request
	type answer struct {
		receipt Receipt
		err     error
	}
	answers := make(chan answer, 1)
	room.post(e, func(r Receipt, err error) { answers <- answer{r, err} })
	select {
	case a := <-answers:
		if a.err != nil {
			h.notRecorded(a.err)
			return a.receipt, wire.Unavailable.Error("")
		}
		return a.receipt, nil
	case <-ctx.Done():
	case <-h.context.Done(): // the hub is closing and waits for the room
	}
	return Receipt{}, wire.Unavailable.Error("")
}
