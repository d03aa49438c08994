package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// maxBody is the most bytes in the body of a request that is not a stream.
const maxBody = 1 << 20

// endpoint answers a request with a value that is sent as JSON, or nil for an answer
// without content.
type endpoint func(*http.Request) (any, error)

// onHub makes an endpoint from a function that needs the hub that the path names.
func onHub(answer func(*chat.Hub, *http.Request) (any, error)) endpoint {
	return func(r *http.Request) (any, error) {
		hub, err := hubOf(r)
		if err != nil {
			return nil, err
		}
		return answer(hub, r)
	}
}

// stateOf returns the state of the hub of that name.
func stateOf(name string) (*caddymodule.HubState, error) {
	state := caddymodule.Hubs()[name]
	if state == nil {
		return nil, apiError(http.StatusNotFound, "no hub %q is running", name)
	}
	return state, nil
}

// hubOf returns the hub that the path of a request names, which must be open.
func hubOf(r *http.Request) (*chat.Hub, error) {
	name := r.PathValue("hub")
	state, err := stateOf(name)
	if err != nil {
		return nil, err
	}
	hub, closed := state.Hub()
	if closed != nil {
		return nil, apiError(http.StatusServiceUnavailable, "hub %q is closed: %w", name, closed)
	}
	return hub, nil
}

// decode reads the body of a request into to. It refuses unknown members, so that a
// misspelt one is noticed.
func decode(r *http.Request, to any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return apiError(http.StatusBadRequest, "the Content-Type must be application/json")
	}
	d := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, extra := d.Token(); extra != io.EOF {
			err = errors.New("there is more after the JSON value")
		}
	}
	if err != nil {
		return apiError(http.StatusBadRequest, "the body is not valid: %w", err)
	}
	return nil
}

func apiError(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

// serveJSON sends the answer of an endpoint. Errors have the form of Caddy's own.
func serveJSON(w http.ResponseWriter, r *http.Request, answer endpoint) {
	value, err := answer(r)
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
		value = map[string]string{"error": err.Error()}
	}
	if value == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only if the client has gone
}

// statusOf returns the HTTP status for an error.
func statusOf(err error) int {
	var api caddy.APIError
	var protocol *wire.Error
	switch {
	case errors.As(err, &api):
		return api.HTTPStatus
	case errors.As(err, &protocol) && protocol.Code.Status() > 0:
		return protocol.Code.Status()
	case errors.Is(err, chat.ErrNoRoom):
		return http.StatusNotFound
	case errors.Is(err, errors.ErrUnsupported):
		return http.StatusConflict
	case errors.Is(err, journal.ErrUnavailable), errors.Is(err, chat.ErrHubClosed), errors.Is(err, journal.ErrClosed):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
