package transfer

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Source is a journal that entries are exported from.
type Source interface {
	Read(ctx context.Context, q journal.Query) (journal.Page, error)
	Heads(ctx context.Context, rooms []string) ([]journal.Head, error)
	Records() journal.Records
}

// Target is a journal into which entries are imported.
type Target interface {
	Source
	journal.Restorer
}

// readTimeout is how long one read may take, however long the whole takes.
const readTimeout = 10 * time.Second

func read(ctx context.Context, j Source, q journal.Query) (journal.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return j.Read(ctx, q)
}
