package admin

import (
	"io"
	"net/http"
	"path/filepath"

	"github.com/caddychat/caddy-chat/chat"
)

func backup(hub *chat.Hub, r *http.Request) (any, error) {
	var to struct {
		Dir string `json:"dir"`
	}
	if err := decode(r, &to); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(to.Dir) {
		return nil, apiError(http.StatusBadRequest, "dir must be the absolute path, on the server, of a directory that does not exist yet")
	}
	if err := hub.Backup(r.Context(), to.Dir); err != nil {
		return nil, err
	}
	return map[string]string{"dir": to.Dir}, nil
}

func compact(hub *chat.Hub, r *http.Request) (any, error) {
	// Go's server notices only behind the end of the body that a client has gone, and
	// ends the context of its request.
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(nil, r.Body, maxBody)); err != nil {
		return nil, apiError(http.StatusBadRequest, "the request did not arrive whole: %w", err)
	}
	return nil, hub.Compact(r.Context())
}
