package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/chat"
)

// endpoint has one request and one answer.
type endpoint struct {
	query  string // the names of the parameters that it knows
	answer answer
}

// answer answers a request with a value that is sent as JSON, or nil for an answer
// without content.
type answer func(*http.Request) (any, error)

// onHub makes an answer from a function that needs the hub that the path names.
func onHub(answer func(*chat.Hub, *http.Request) (any, error)) answer {
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
	running := caddymodule.Hubs()
	state := running[name]
	switch {
	case state != nil:
		return state, nil
	case len(running) == 0:
		return nil, apiError(http.StatusNotFound, "no hub is running: the configuration has no chat")
	}
	return nil, apiError(http.StatusNotFound, "no hub %q is running%s", name, suggestion(name, keys(running)))
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

// checkQuery refuses parameters that an endpoint does not know: a misspelt filter would
// select everything.
func checkQuery(r *http.Request, known string) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return apiError(http.StatusBadRequest, "the query is not valid: %w", err)
	}
	for _, name := range keys(values) {
		switch {
		case !slices.Contains(strings.Fields(known), name):
			return apiError(http.StatusBadRequest, "there is no parameter %q here", name)
		case len(values[name]) > 1:
			return apiError(http.StatusBadRequest, "the parameter %q is given twice", name)
		}
	}
	return nil
}

// serve answers a request.
func (e endpoint) serve(w http.ResponseWriter, r *http.Request) {
	var value any
	err := checkQuery(r, e.query)
	if err == nil {
		value, err = e.answer(r)
	}
	switch {
	case err != nil:
		refuse(w, err)
	case value == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		sendJSON(w, http.StatusOK, value)
	}
}

// refuse answers with an error, in the form of Caddy's own.
func refuse(w http.ResponseWriter, err error) {
	status, err := explain(err)
	sendJSON(w, status, map[string]string{"error": err.Error()})
}

func sendJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(value) // fails only if the client has gone
}
