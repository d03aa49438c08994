package pgjournal

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Succeed is that of shared.Engine.
func (s *Store) Succeed(ctx context.Context, epoch string, dropped bool, above uint64) (empty bool, err error) {
	err = s.pool.QueryRow(ctx, s.sql(`SELECT $.succeed($1, $2, $3)`), epoch, dropped, int64(above)).Scan(&empty)
	if err != nil {
		return false, commitError(err)
	}
	return empty, nil
}

// RestoreHead is that of shared.Engine.
func (s *Store) RestoreHead(ctx context.Context, h shared.RestoredHead) (journal.Position, error) {
	var born int64
	err := s.pool.QueryRow(ctx, s.sql(`SELECT $.restore_head($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`),
		append(known(h.Batch), h.Part, []byte(h.Room), int64(h.Born), int64(h.First), h.At, int64(h.Count), int64(h.State))...).Scan(&born)
	if err != nil {
		return 0, commitError(err)
	}
	return journal.Position(born), nil
}

// ForgetFeed is that of shared.Engine.
func (s *Store) ForgetFeed(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, s.sql(`SELECT $.forget_feed()`)); err != nil {
		return commitError(err)
	}
	return nil
}
