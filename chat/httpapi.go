package chat

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/foreign"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// ServeMessages serves the messages of a room over plain HTTP, as PROTOCOL.md
// describes it: GET reads a page, POST says something. It is for backends, which
// need no connection for either. Their users, rooms, rights and limits are those of
// everybody else. A guest without a token is refused: a Handler without Auth
// serves nobody here.
func (h *Handler) ServeMessages(w http.ResponseWriter, r *http.Request, room string) {
	h.endpoint(w, r, []string{http.MethodGet, http.MethodHead, http.MethodPost}, func() error {
		return h.request(r, room, func(a *acts.Actor) error {
			if r.Method == http.MethodPost {
				return h.postMessage(a, w, r, room)
			}
			return h.getMessages(a, w, r, room)
		})
	})
}

// endpoint answers a request over plain HTTP. serve is called only if the endpoint has
// the request's method.
func (h *Handler) endpoint(w http.ResponseWriter, r *http.Request, methods []string, serve func() error) {
	h.Origins.Share(w.Header(), r)
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	var err error
	switch {
	case isEarly(r) && !safe:
		http.Error(w, tooEarly, http.StatusTooEarly)
	case r.Method == http.MethodOptions:
		err = h.preflight(w, r, methods)
	case !slices.Contains(methods, r.Method):
		w.Header().Set("Allow", allowed(methods))
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	default:
		err = serve()
	}
	if err != nil {
		h.Problem(w, err)
	}
}

func allowed(methods []string) string { return strings.Join(methods, ", ") + ", OPTIONS" }

// preflight tells a browser what a page may send (CORS).
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, methods []string) error {
	if err := h.mayConnect(r); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Allow", allowed(methods))
	if r.Header.Get("Origin") != "" {
		header.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
		header.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Problem answers a request with an error, as problem details.
func (h *Handler) Problem(w http.ResponseWriter, err error) {
	e := h.Hub.core.Refusal(err, "request")
	if errors.As(err, new(*wire.Error)) {
		h.Hub.core.LogCause(err)
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

// ServeHealth answers 200 if the hub serves as it should, or else 503. It says
// nothing more.
func (h *Handler) ServeHealth(w http.ResponseWriter, r *http.Request) {
	h.endpoint(w, r, []string{http.MethodGet, http.MethodHead}, func() error {
		w.Header().Set("Cache-Control", "no-store")
		if h.Hub.Health() != nil {
			http.Error(w, "not ok", http.StatusServiceUnavailable)
			return nil
		}
		_, _ = io.WriteString(w, "ok\n")
		return nil
	})
}

func reply(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// request calls serve with the actor of a request about a room, who gives back all that
// it has in the end.
func (h *Handler) request(r *http.Request, room string, serve func(*acts.Actor) error) (err error) {
	defer h.contain(&err)
	if err := acts.CheckRoom(room); err != nil {
		return err
	}
	a, err := h.requester(r)
	if err != nil {
		return err
	}
	defer a.Leave()
	return serve(a)
}

// requester returns the actor of a request.
func (h *Handler) requester(r *http.Request) (*acts.Actor, error) {
	if !validQuery(r) {
		return nil, badField("query", queryHelp)
	}
	if err := h.mayConnect(r); err != nil {
		return nil, err
	}
	a := h.Hub.core.Client("", h.clientIP(r))
	token := access.BearerToken(r)
	id, err := a.Authenticate(r.Context(), h.auth(), access.Credential{Token: token, Request: r})
	if errors.Is(err, access.ErrNoCredential) || err == nil && token == "" && id.User.Guest {
		e := wire.BadToken.Error("")
		e.Message = "a token is needed"
		return nil, e
	}
	if err == nil {
		err = a.Become(id)
	}
	return &a, err
}

// charge counts a request of n bytes, or returns an error if it comes too soon.
func charge(a *acts.Actor, n int) error {
	wait := a.Charge(n, 0)
	if wait <= 0 {
		return nil
	}
	return wire.TooSoon(wait)
}

func (h *Handler) getMessages(a *acts.Actor, w http.ResponseWriter, r *http.Request, room string) error {
	if err := charge(a, 0); err != nil {
		return err
	}
	q, limit, err := wantedPage(r.URL.Query())
	if err != nil {
		return err
	}
	q.Room = room
	ctx, cancel := h.Hub.core.Bound(r.Context())
	defer cancel()
	page, err := a.History(ctx, q, limit)
	if err != nil {
		return err
	}
	body := &wire.Page{Room: room, Epoch: page.Epoch, Entries: wire.EntriesOf(page.Entries), More: page.More}
	reply(w, http.StatusOK, "application/json", body.AppendBody(nil))
	return nil
}

// wantedPage returns which page is asked for.
func wantedPage(values url.Values) (q journal.Query, limit int, err error) {
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
		return q, 0, badField("after", "must not be given together with before")
	}
	q = journal.Query{Backward: !values.Has("after"), Before: journal.Seq(n[0]), After: journal.Seq(n[1])}
	return q, int(min(n[2], 1<<20)), nil
}

func badField(name, what string) *wire.Error {
	e := wire.BadFrame.Error("")
	e.Field, e.Message = name, name+" "+what
	return e
}

func (h *Handler) postMessage(a *acts.Actor, w http.ResponseWriter, r *http.Request, name string) error {
	if err := a.MayPost(name); err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	body, err := h.readMessage(a, w, r)
	if err != nil {
		return err
	}
	receipt, err := a.Post(r.Context(), name, journal.Entry{Kind: journal.Message, Key: key, Body: body})
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if receipt.Duplicate {
		status = http.StatusOK
	}
	sent := &wire.Sent{Room: name, Seq: uint64(receipt.Seq), At: receipt.At, Duplicate: receipt.Duplicate}
	reply(w, status, "application/json", sent.AppendBody(nil))
	return nil
}

// readMessage reads the body of the message that is sent.
func (h *Handler) readMessage(a *acts.Actor, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	p, err := ReadJSON(w, r, h.Hub.settings().MaxMessage)
	if err == nil {
		err = charge(a, len(p))
	}
	if err != nil {
		return nil, err
	}
	return wire.DecodePost(p)
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

// idempotencyKey returns the key of a request. It may have quotes around it.
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

// Login gives a token for a code that the client got elsewhere.
type Login interface {
	// Login may wait for the network, as long as the request's context allows: at most
	// ten seconds. Then it is left behind.
	// Its error is answered as Handler.Problem does.
	Login(r *http.Request, code string) (*wire.Login, error)
}

const maxLogin = 4 << 10 // bytes of a request

// ServeLogin serves a login over plain HTTP, as PROTOCOL.md describes it. Attempts
// count like attempts to connect.
func (h *Handler) ServeLogin(w http.ResponseWriter, r *http.Request, login Login) {
	h.endpoint(w, r, []string{http.MethodPost}, func() error {
		answer, err := h.logIn(w, r, login)
		if err == nil {
			reply(w, http.StatusOK, "application/json", answer.Append(nil))
		}
		return err
	})
}

func (h *Handler) logIn(w http.ResponseWriter, r *http.Request, login Login) (answer *wire.Login, err error) {
	defer h.contain(&err)
	if err := h.Hub.core.Arrive(h.clientIP(r)); err != nil {
		h.Hub.counts.refused[RefusedAttempts].Add(1)
		return nil, err
	}
	if err := h.mayConnect(r); err != nil {
		return nil, err
	}
	p, err := ReadJSON(w, r, maxLogin)
	if err != nil {
		return nil, err
	}
	var body struct{ Code string }
	if err := json.Unmarshal(p, &body); err != nil || body.Code == "" {
		return nil, badField("code", "must be the text that wx.login gave")
	}
	ctx, cancel := h.Hub.core.Bound(r.Context())
	defer cancel()
	answer, err = foreign.Call(ctx, func() (*wire.Login, error) { return login.Login(r.WithContext(ctx), body.Code) }, nil)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && answer == nil:
		return nil, wire.Internal.Error("")
	}
	return answer, err
}
