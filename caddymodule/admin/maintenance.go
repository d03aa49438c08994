package admin

import (
	"net/http"
	"path/filepath"
	"strings"

	"github.com/caddychat/caddy-chat/chat"
)

// Backup is the answer to POST /chat/hubs/{hub}/backup.
type Backup struct {
	Dir string `json:"dir"`
}

func backup(hub *chat.Hub, r *http.Request) (any, error) {
	var to Backup
	if err := decode(r, &to); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(to.Dir) || strings.ContainsRune(to.Dir, 0) { // which no path can have
		return nil, apiError(http.StatusBadRequest, "dir must be the absolute path, on the server, of a directory that does not exist yet")
	}
	if err := hub.Backup(r.Context(), to.Dir); err != nil {
		return nil, err
	}
	return to, nil
}

// Compacted is the answer to POST /chat/hubs/{hub}/compact: what the journal took before
// and takes now.
type Compacted struct {
	Before int64 `json:"bytes_before"`
	After  int64 `json:"bytes_after"`
}

func compact(hub *chat.Hub, r *http.Request) (any, error) {
	// Go's server notices only behind the end of the body that a client has gone, and
	// ends the context of its request.
	if err := noBody(r); err != nil {
		return nil, err
	}
	before := hub.Stats().Journal.Bytes
	if err := hub.Compact(r.Context()); err != nil {
		return nil, err
	}
	return Compacted{before, hub.Stats().Journal.Bytes}, nil
}
