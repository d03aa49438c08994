package admin

import (
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
	if err := hub.Backup(to.Dir); err != nil {
		return nil, err
	}
	return map[string]string{"dir": to.Dir}, nil
}

func compact(hub *chat.Hub, r *http.Request) (any, error) { return nil, hub.Compact(r.Context()) }
