package chat

import (
	"encoding/json"
	"net/http"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Login gives a token for the code that a client got elsewhere.
type Login interface {
	// Login may wait for the network, as long as the request's context allows.
	// Its error is answered as Handler.Problem does.
	Login(r *http.Request, code string) (*wire.Login, error)
}

const maxLogin = 4 << 10 // bytes of a request

// ServeLogin serves a login over plain HTTP, as PROTOCOL.md has it. Attempts
// count like attempts to connect.
func (h *Handler) ServeLogin(w http.ResponseWriter, r *http.Request, login Login) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	answer, err := h.logIn(w, r, login)
	if err != nil {
		h.Problem(w, err)
		return
	}
	reply(w, http.StatusOK, "application/json", answer.Append(nil))
}

func (h *Handler) logIn(w http.ResponseWriter, r *http.Request, login Login) (*wire.Login, error) {
	if !h.Hub.attempts.take(h.Hub.settings().ConnectRate, h.Hub.now(), limitKey(h.clientIP(r))) {
		h.Hub.counts.refused[RefusedAttempts].Add(1)
		return nil, wire.TooFast.Error("")
	}
	if !h.Origins.Allow(r) {
		return nil, wire.Forbidden.Error("")
	}
	p, err := ReadJSON(w, r, maxLogin)
	if err != nil {
		return nil, err
	}
	var body struct{ Code string }
	if err := json.Unmarshal(p, &body); err != nil || body.Code == "" {
		return nil, badField("code", "must be the text that wx.login gave")
	}
	return login.Login(r, body.Code)
}
