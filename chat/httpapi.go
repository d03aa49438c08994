package chat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/httpapi"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// HasRequest reports whether ServeRequest answers requests for a path, be it that there is
// nothing. The path is escaped, and begins behind that of the handler with a slash.
func HasRequest(path string) bool {
	_, _, has := httpapi.Find(path)
	return has || path == documentPath
}

const documentPath = "/openapi.json"

// ServeRequest serves the interface for backends, as PROTOCOL.md describes it, for a path
// as HasRequest takes it. Rooms, rights and limits are those of everybody else. A guest
// without a token is refused: a Handler without Auth serves only keys here.
func (h *Handler) ServeRequest(w http.ResponseWriter, r *http.Request, path string) {
	h.Attend(w, r, func(w http.ResponseWriter, r *http.Request) { h.serveRequest(w, r, path) })
}

func (h *Handler) serveRequest(w http.ResponseWriter, r *http.Request, path string) {
	if path == documentPath {
		h.endpoint(w, r, 0, []string{http.MethodGet, http.MethodHead}, func() error {
			p := httpapi.Document()
			if err := h.Visit(r, len(p)); err != nil {
				return err
			}
			reply(w, http.StatusOK, "application/json", p)
			return nil
		})
		return
	}
	byMethod, values, _ := httpapi.Find(path)
	if byMethod == nil {
		e := wire.NotFound.Error("")
		e.Message = "there is no such request: openapi.json lists them; percent-encode what stands in the path, its slashes too"
		h.Refuse(w, r, e)
		return
	}
	var room *string
	if name, ok := values["room"]; ok {
		room = &name
	}
	route := byMethod[r.Method]
	limit, holds := route.Bounds(h.Hub.settings().MaxMessage, r.ContentLength)
	h.endpoint(w, r, holds, slices.Sorted(maps.Keys(byMethod)), func() error {
		return h.request(w, r, room, limit, func(t acts.Turn) error {
			return h.carryOut(t, w, r, route, values, limit)
		})
	})
}

// ServeMessages serves the messages of a room over plain HTTP: GET reads a page, POST says
// something. It is ServeRequest for the path of that.
func (h *Handler) ServeMessages(w http.ResponseWriter, r *http.Request, room string) {
	h.ServeRequest(w, r, "/rooms/"+url.PathEscape(room)+"/messages")
}

// standstill is how long the journal may answer nothing to a request that has a time of its
// own, or waits for checks, before that gives up.
const standstill = time.Minute

// carryOut lets a route answer.
func (h *Handler) carryOut(t acts.Turn, w http.ResponseWriter, r *http.Request, route *httpapi.Route, values map[string]string, limit int) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	if route.Waits {
		open, cancel := h.Hub.whileOpen(ctx)
		defer cancel()
		ctx = open
	}
	bound := h.Hub.core.Bound
	if route.Waits || route.Says {
		bound = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return foreign.WhileMoving(ctx, standstill)
		}
	}
	ctx, cancel := bound(ctx)
	defer cancel()
	answer, err := route.Serve(ctx, t, &httpapi.Request{
		Path: values, Query: r.URL.Query(), Key: key, Limit: h.Hub.settings().MaxMessage, Body: func() ([]byte, error) { return ReadJSON(w, r, limit) },
		Feed: h.Hub.feed, Leaving: h.Leaving, Lister: h.Hub.lister(), Tokens: h.Tokens,
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if answer.Made {
		status = http.StatusCreated
	}
	reply(w, status, "application/json", answer.Body)
	return nil
}

// endpoint answers a request that is attended to, which holds so many bytes. serve is called
// only if the endpoint has the request's method. It charges the request, unless that is about
// the hub's health.
func (h *Handler) endpoint(w http.ResponseWriter, r *http.Request, holds int, methods []string, serve func() error) {
	h.Origins.Share(w.Header(), r)
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	var err error
	switch {
	case isEarly(r) && !safe:
		h.refuseAs(w, r, http.StatusTooEarly, wire.Unavailable, tooEarly)
	case r.Method == http.MethodOptions:
		err = h.preflight(w, r, methods)
	case !slices.Contains(methods, r.Method):
		h.RefuseMethod(w, r, allowed(methods))
	default:
		release := func() {}
		if holds > 0 { // or others at the address could keep its monitor from asking for the health
			release, err = h.Hub.core.Hold(h.clientIP(r), holds)
		}
		if err != nil {
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

// charge charges a request that is refused before it is known whose it is, like a
// handshake of its address. It returns why it comes too soon.
func (h *Handler) charge(r *http.Request) error { return h.Hub.core.Arrive(h.clientIP(r)) }

// Visit charges a request to its address, for an answer of so many bytes that everybody gets.
// It returns why the request comes too soon, as Problem takes it.
func (h *Handler) Visit(r *http.Request, bytes int) error {
	return h.Hub.core.Visit(h.clientIP(r), bytes)
}

// refusing returns err, which refuses a request before it is known whose it is, or why the
// request comes too soon.
func (h *Handler) refusing(r *http.Request, err error) error {
	return cmp.Or(h.charge(r), err)
}

// Refuse answers a request that is nobody's with an error, which pages of other origins may read,
// too, and charges it to its address.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.Origins.Share(w.Header(), r)
	h.Problem(w, h.refusing(r, err))
}

// RefuseMethod answers a request whose method the path does not have, and charges it to its
// address.
func (h *Handler) RefuseMethod(w http.ResponseWriter, r *http.Request, allowed string) {
	w.Header().Set("Allow", allowed)
	h.refuseAs(w, r, http.StatusMethodNotAllowed, wire.BadFrame, "the methods here are "+allowed)
}

// refuseAs is Refuse for a status that no code has.
func (h *Handler) refuseAs(w http.ResponseWriter, r *http.Request, status int, code wire.Code, message string) {
	h.Origins.Share(w.Header(), r)
	if err := h.charge(r); err != nil {
		h.Problem(w, err)
		return
	}
	e := code.Error("")
	e.Message = message
	h.problem(w, e, status)
}

func allowed(methods []string) string { return strings.Join(methods, ", ") + ", OPTIONS" }

// preflight tells a browser what a page may send (CORS).
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, methods []string) error {
	if err := h.mayConnect(r); err != nil {
		return h.refusing(r, err)
	}
	if err := h.Visit(r, 0); err != nil {
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
	h.problem(w, e, cmp.Or(e.Code.Status(), http.StatusBadRequest))
}

func (h *Handler) problem(w http.ResponseWriter, e *wire.Error, status int) {
	h.Hub.counts.errors[e.Code].Add(1)
	if after := e.RetryAfter(); after != "" {
		w.Header().Set("Retry-After", after)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	reply(w, status, "application/problem+json", e.AppendProblem(nil, status))
}

// ServeHealth answers 200 if the hub serves as it should, or else 503. It says
// nothing more. It is charged to nobody: a refusal would cost as much as the answer, and
// strangers at the address of a monitor must not make it believe that the hub is ill.
func (h *Handler) ServeHealth(w http.ResponseWriter, r *http.Request) {
	h.Attend(w, r, h.serveHealth)
}

func (h *Handler) serveHealth(w http.ResponseWriter, r *http.Request) {
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

// request calls serve for the actor of a request, who gives back all that it has in the end.
// room is the one that the path names, if it names one; limit bounds the body.
func (h *Handler) request(w http.ResponseWriter, r *http.Request, room *string, limit int, serve func(acts.Turn) error) (err error) {
	defer h.contain(&err)
	n, err := h.checkRequest(w, r, room, limit)
	if err != nil {
		return h.refusing(r, err)
	}
	var a acts.Actor
	defer a.Leave()
	shown := access.Credential{Token: access.BearerToken(r), Request: r}
	t, err := h.Hub.core.Request(r.Context(), &a, h.clientIP(r), h.auth(), shown, r.URL.Query().Get("as"), n)
	if err != nil {
		return err
	}
	return serve(t)
}

// checkRequest returns why a request is refused, whoever sends it, or the length of its
// body.
func (h *Handler) checkRequest(w http.ResponseWriter, r *http.Request, room *string, limit int) (int, error) {
	if room != nil {
		if err := wire.CheckRoom(*room); err != nil {
			return 0, err
		}
	}
	if !validQuery(r) {
		return 0, badField("query", queryHelp)
	}
	if query := r.URL.Query(); query.Has("as") && query.Get("as") == "" {
		return 0, badField("as", "must be a user's id")
	}
	if err := h.mayConnect(r); err != nil {
		return 0, err
	}
	return h.declare(w, r, limit)
}

// declare returns the length of a body, for which the request is charged before
// anything is done for it. A body whose length was not declared is read for that. One that
// nobody reads costs nothing. The request keeps its own length: by that the web server
// knows that there is a body between this request and the next one.
func (h *Handler) declare(w http.ResponseWriter, r *http.Request, limit int) (int, error) {
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodPatch && r.Method != http.MethodPut:
		return 0, nil
	case r.ContentLength > int64(limit):
		return 0, tooLarge(limit)
	case r.ContentLength < 0:
		p, err := readBody(w, r, limit)
		if err != nil {
			return 0, err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(p)), int64(len(p))
	}
	return int(r.ContentLength), nil
}

func badField(name, what string) *wire.Error {
	e := wire.BadFrame.Error("")
	e.Field, e.Message = name, name+" "+what
	return e
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
	p, err := io.ReadAll(http.MaxBytesReader(below(w), r.Body, int64(limit)))
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
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if key == "" || len(keys) > 1 || len(key) > wire.MaxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", badField("Idempotency-Key", "must be given once, with 1 to "+strconv.Itoa(wire.MaxKey)+" printable ASCII characters")
	}
	return key, nil
}

// Login gives a token for a code that the client got elsewhere. It may also be an
// identity.LoginKeeping.
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
	h.Attend(w, r, func(w http.ResponseWriter, r *http.Request) {
		h.endpoint(w, r, maxLogin, []string{http.MethodPost}, func() error {
			answer, err := h.logIn(w, r, login)
			if err == nil {
				reply(w, http.StatusOK, "application/json", answer.Append(nil))
			}
			return err
		})
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
	return h.Hub.core.LogIn(r, h.clientIP(r), code, login)
}

// loginCode reads the code that a login shows.
func loginCode(w http.ResponseWriter, r *http.Request) (string, error) {
	p, err := ReadJSON(w, r, maxLogin)
	if err != nil {
		return "", err
	}
	var login struct {
		Code string `json:"code"`
	}
	if wire.UnmarshalOpen(p, &login) != nil || login.Code == "" {
		return "", badField("code", "must be the text that wx.login gave, and stand once in a JSON object")
	}
	return login.Code, nil
}
