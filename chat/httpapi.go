package chat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// ServeMessages serves the messages of a room over plain HTTP, as PROTOCOL.md
// describes it: GET reads a page, POST says something. It is for backends, which
// need no connection for either. Their users, rooms, rights and limits are those of
// everybody else. A guest without a token is refused: a Handler without Auth
// serves nobody here.
func (h *Handler) ServeMessages(w http.ResponseWriter, r *http.Request, room string) {
	holds := max(h.Hub.settings().MaxMessage, acts.PageBytes)
	h.endpoint(w, r, holds, []string{http.MethodGet, http.MethodHead, http.MethodPost}, func() error {
		return h.request(w, r, room, func(t acts.Turn) error {
			if r.Method == http.MethodPost {
				return h.postMessage(t, w, r, room)
			}
			return h.getMessages(t, w, r, room)
		})
	})
}

// endpoint answers a request over plain HTTP, which holds so many bytes. serve is called
// only if the endpoint has the request's method.
func (h *Handler) endpoint(w http.ResponseWriter, r *http.Request, holds int, methods []string, serve func() error) {
	h.Origins.Share(w.Header(), r)
	if r.ContentLength != 0 { // also if nobody reads the body: the server reads it before the next request
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestTimeout))
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	var err error
	switch {
	case isEarly(r) && !safe:
		if err = h.charge(r); err == nil {
			http.Error(w, tooEarly, http.StatusTooEarly)
		}
	case r.Method == http.MethodOptions:
		err = h.preflight(w, r, methods)
	case !slices.Contains(methods, r.Method):
		if err = h.charge(r); err == nil {
			w.Header().Set("Allow", allowed(methods))
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		}
	default:
		var release func()
		if release, err = h.Hub.core.Hold(h.clientIP(r), holds); err != nil {
			if r.ProtoMajor == 1 {
				w.Header().Set("Connection", "close") // otherwise the body is read before the answer
			}
			err = h.refusing(r, err)
			break
		}
		defer release()
		err = serve()
	}
	if err != nil {
		h.Problem(w, err)
	}
}

// requestTimeout is how long a client may take to send the body of a request, and how
// long to take answerPart bytes of the answer.
const (
	requestTimeout = 10 * time.Second
	answerPart     = 16 << 10
)

// charge charges a request that is refused before it is known whose it is, like a
// handshake of its address. It returns why it comes too soon.
func (h *Handler) charge(r *http.Request) error { return h.Hub.core.Arrive(h.clientIP(r)) }

// refusing returns err, which refuses a request before it is known whose it is, or why the
// request comes too soon.
func (h *Handler) refusing(r *http.Request, err error) error {
	return cmp.Or(h.charge(r), err)
}

// Refuse answers a request that is nobody's with an error, and charges it to its address.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.Problem(w, h.refusing(r, err))
}

func allowed(methods []string) string { return strings.Join(methods, ", ") + ", OPTIONS" }

// preflight tells a browser what a page may send (CORS).
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, methods []string) error {
	if err := h.mayConnect(r); err != nil {
		return h.refusing(r, err)
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
	h.endpoint(w, r, 0, []string{http.MethodGet, http.MethodHead}, func() error {
		w.Header().Set("Cache-Control", "no-store")
		if h.Hub.Health() != nil {
			http.Error(w, "not ok", http.StatusServiceUnavailable)
			return nil
		}
		_, _ = io.WriteString(w, "ok\n")
		return nil
	})
}

// reply sends an answer. A client that takes it too slowly loses its connection.
func reply(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	control := http.NewResponseController(w)
	for part := range slices.Chunk(body, answerPart) {
		_ = control.SetWriteDeadline(time.Now().Add(requestTimeout)) // a server that can't has its own
		if _, err := w.Write(part); err != nil {
			return // a client that has gone needs no answer
		}
	}
	_ = control.Flush()
	_ = control.SetWriteDeadline(time.Time{}) // the connection may have further requests
}

// request calls serve for the actor of a request about a room, who gives back all that it
// has in the end.
func (h *Handler) request(w http.ResponseWriter, r *http.Request, room string, serve func(acts.Turn) error) (err error) {
	defer h.contain(&err)
	if err := h.checkRequest(w, r, room); err != nil {
		return h.refusing(r, err)
	}
	var a acts.Actor
	defer a.Leave()
	shown := access.Credential{Token: access.BearerToken(r), Request: r}
	t, err := h.Hub.core.Request(r.Context(), &a, h.clientIP(r), h.auth(), shown, r.URL.Query().Get("as"), int(r.ContentLength))
	if err != nil {
		return err
	}
	return serve(t)
}

// checkRequest returns why a request about a room is refused, whoever sends it.
func (h *Handler) checkRequest(w http.ResponseWriter, r *http.Request, room string) error {
	if err := acts.CheckRoom(room); err != nil {
		return err
	}
	if !validQuery(r) {
		return badField("query", queryHelp)
	}
	if err := h.mayConnect(r); err != nil {
		return err
	}
	return h.declare(w, r)
}

// declare makes the length of a body known, for which the request is charged before
// anything is done for it. A body whose length was not declared is read for that.
func (h *Handler) declare(w http.ResponseWriter, r *http.Request) error {
	limit := h.Hub.settings().MaxMessage
	switch {
	case r.Method != http.MethodPost:
		r.ContentLength = 0
	case r.ContentLength > int64(limit):
		return tooLarge(limit)
	case r.ContentLength < 0:
		p, err := readBody(w, r, limit)
		if err != nil {
			return err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(p)), int64(len(p))
	}
	return nil
}

func (h *Handler) getMessages(t acts.Turn, w http.ResponseWriter, r *http.Request, room string) error {
	q, limit, err := wantedPage(r.URL.Query())
	if err != nil {
		return err
	}
	q.Room = room
	ctx, cancel := h.Hub.core.Bound(r.Context())
	defer cancel()
	page, err := t.History(ctx, q, limit)
	if err != nil {
		return err
	}
	body := &wire.Page{Room: room, Epoch: page.Epoch, Entries: page.Tags.Entries(page.Entries), More: page.More}
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

func (h *Handler) postMessage(t acts.Turn, w http.ResponseWriter, r *http.Request, name string) error {
	receipt, err := t.Post(r.Context(), name, func() (journal.Entry, error) { return h.readMessage(w, r) })
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

// readMessage reads the message that is sent.
func (h *Handler) readMessage(w http.ResponseWriter, r *http.Request) (e journal.Entry, err error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return e, err
	}
	p, err := ReadJSON(w, r, h.Hub.settings().MaxMessage)
	if err != nil {
		return e, err
	}
	said, err := wire.DecodePost(p)
	if err != nil {
		return e, err
	}
	said.Key = key
	return acts.Said(said), nil
}

// ReadJSON reads the body of a request, which must be JSON of at most limit
// bytes. The error is one for Handler.Problem.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int) ([]byte, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		e := wire.BadFrame.Error("")
		e.Message = "the Content-Type must be application/json"
		return nil, e
	}
	return readBody(w, r, limit)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, error) {
	p, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(limit)
	case err != nil:
		e := wire.BadFrame.Error("")
		e.Message = "the request did not arrive whole, or not in time"
		return nil, e
	}
	// While the request is carried out, the server only looks whether the client is there.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return p, nil
}

func tooLarge(limit int) error {
	e := wire.TooLarge.Error("")
	e.Message = "the request has more than " + strconv.Itoa(limit) + " bytes"
	return e
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
	h.endpoint(w, r, maxLogin, []string{http.MethodPost}, func() error {
		answer, err := h.logIn(w, r, login)
		if err == nil {
			reply(w, http.StatusOK, "application/json", answer.Append(nil))
		}
		return err
	})
}

func (h *Handler) logIn(w http.ResponseWriter, r *http.Request, login Login) (answer *wire.Login, err error) {
	defer h.contain(&err)
	code := func() (string, error) {
		if err := h.mayConnect(r); err != nil {
			return "", err
		}
		return loginCode(w, r)
	}
	return h.Hub.core.LogIn(r.Context(), h.clientIP(r), code, func(ctx context.Context, code string) (*wire.Login, error) {
		return login.Login(r.WithContext(ctx), code)
	})
}

// loginCode reads the code that a login shows.
func loginCode(w http.ResponseWriter, r *http.Request) (string, error) {
	p, err := ReadJSON(w, r, maxLogin)
	if err != nil {
		return "", err
	}
	code, ok := codeIn(p)
	if !ok || code == "" {
		return "", badField("code", "must be the text that wx.login gave, and stand once in a JSON object")
	}
	return code, nil
}

// codeIn returns the field code of a JSON object. Unlike json.Unmarshal, it takes no other
// spelling for it, and of two neither.
func codeIn(p []byte) (code string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(p))
	if t, err := d.Token(); err != nil || t != json.Delim('{') || !utf8.Valid(p) {
		return "", false
	}
	for d.More() {
		name, err := d.Token()
		var value any
		if err = cmp.Or(err, d.Decode(&value)); err != nil || name == "code" && ok {
			return "", false
		}
		if name == "code" {
			if code, ok = value.(string); !ok {
				return "", false
			}
		}
	}
	if _, err := d.Token(); err != nil { // the end of the object
		return "", false
	}
	_, err := d.Token()
	return code, ok && err == io.EOF
}
