package list

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// sweepAtOnce is how many seats a sweep notes before it deletes them.
const sweepAtOnce = 512

// Sweep deletes the seats that are over, also of users who never read their lists. It reads the
// seats of all users.
func (r *Reader) Sweep(ctx context.Context) error {
	var over []string
	err := r.Journal.Records().Scan(ctx, members.Seats, func(rec journal.Record) error {
		if seat, err := members.ParseSeat(rec); err == nil && isOver(seat) { // what makes no sense stays
			over = append(over, rec.Key)
		}
		if len(over) == sweepAtOnce {
			r.forget(ctx, over)
			over = over[:0]
		}
		return ctx.Err()
	})
	r.forget(ctx, over)
	return err
}
