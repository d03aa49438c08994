package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/webhook"
	"github.com/caddychat/caddy-chat/chat/wire"
)

func apiError(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

// causes say which status an error has that is not the fault of this server's program.
var causes = []struct {
	err    error
	status int
}{
	{chat.ErrNoRoom, http.StatusNotFound},
	{webhook.ErrUnknown, http.StatusNotFound},
	{webhook.ErrPosition, http.StatusBadRequest},
	{webhook.ErrStopped, http.StatusConflict},
	{errors.ErrUnsupported, http.StatusConflict},
	{journal.ErrUnavailable, http.StatusServiceUnavailable},
	{journal.ErrUncertain, http.StatusServiceUnavailable},
	{journal.ErrClosed, http.StatusServiceUnavailable},
	{chat.ErrHubClosed, http.StatusServiceUnavailable},
	{context.DeadlineExceeded, http.StatusServiceUnavailable},
	{context.Canceled, http.StatusServiceUnavailable}, // nobody is there to read it
	{syscall.ENOSPC, http.StatusServiceUnavailable},
	{journal.ErrLimit, http.StatusBadRequest},
	// What a path on the server can be.
	{fs.ErrExist, http.StatusConflict},
	{fs.ErrNotExist, http.StatusBadRequest},
	{fs.ErrPermission, http.StatusBadRequest},
	{fs.ErrInvalid, http.StatusBadRequest},
	{syscall.ENOTDIR, http.StatusBadRequest},
	{syscall.EROFS, http.StatusBadRequest},
	{syscall.ENAMETOOLONG, http.StatusBadRequest},
}

// explain returns the HTTP status for an error, and the error in words for people.
func explain(err error) (int, error) {
	var api caddy.APIError
	var protocol *wire.Error
	if errors.As(err, &api) {
		return api.HTTPStatus, err
	}
	if errors.As(err, &protocol) && protocol.Code.Status() > 0 {
		if err == protocol {
			err = errors.New(protocol.Message)
		}
		return protocol.Code.Status(), err
	}
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return c.status, err
		}
	}
	return http.StatusInternalServerError, err
}

func isNotFound(err error) bool {
	status, _ := explain(err)
	return err != nil && status == http.StatusNotFound
}
