package pgjournal

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// query runs one statement.
type query func(ctx context.Context, sql string, args ...any) (pgx.Rows, error)

// shown reads what may be shown. It calls read once more if that has found what may not be on the standby.
func (s *Store) shown(ctx context.Context, read func(query) (found, error)) error {
	epoch := s.safe.now()
	f, err := read(s.pool.Query)
	if err != nil || !s.options.Standby || s.safe.has(f) {
		return err
	}
	var results pgx.BatchResults
	f, err = read(func(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
		b := &pgx.Batch{} // one transaction
		b.Queue(wait)
		b.Queue(sql, args...)
		results = s.pool.SendBatch(ctx, b)
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
		return results.Query()
	})
	if results != nil {
		if failed := results.Close(); failed != nil && err == nil {
			err = refusal(failed)
		}
	}
	if err == nil {
		s.safe.note(epoch, f)
	}
	return err
}
