package journals

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/caddychat/caddy-chat/chat/pebblejournal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
)

// Words tells strangers why a journal can't be opened, or returns "". The error itself may
// name directories and servers.
func Words(err error) string {
	for _, reason := range []struct {
		cause error
		words string
	}{
		{pebblejournal.ErrLocked, "its journal is in use by another process"},
		{pebblejournal.ErrNewer, "its journal is of a newer program"},
		{pebblejournal.ErrCorrupt, "its journal is damaged"},
		{pebblejournal.ErrFull, "its disk is full"},
		{pgjournal.ErrNewer, "its journal is of a newer program"},
		{pgjournal.ErrUnfit, "its database is not set up as the chat needs it"},
		{pgjournal.ErrUnreachable, "its database can't be reached"},
		{syscall.EROFS, "its disk is read-only"},
		{syscall.ENOSPC, "its disk is full"},
		{syscall.EDQUOT, "its disk is full"},
		{fs.ErrPermission, "the server's user may not read or write its files"},
		{syscall.ENOTDIR, "one of its directories is a file"},
	} {
		if errors.Is(err, reason.cause) {
			return reason.words
		}
	}
	return ""
}
