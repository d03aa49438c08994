package profiles

import (
	"bytes"
	"context"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Guests deletes the profiles of guests who belong to no conversation any more. One goroutine
// uses it.
type Guests struct {
	Profiles Profiles
	outside  map[string]journal.Position // those who belonged to none when it was looked last, and what their profile was then
}

// maxOutside bounds those who are noted; of more, some go a day later.
const maxOutside = 100_000

// Sweep deletes profiles that nobody needs now, nor did at the last Sweep: who comes into a
// conversation has a profile a moment before.
func (g *Guests) Sweep(ctx context.Context) error {
	outside := map[string]journal.Position{}
	records := g.Profiles.Records
	err := records.Scan(ctx, key(access.GuestPrefix), func(r journal.Record) error {
		rooms, err := members.RoomsOf(ctx, records, strings.TrimPrefix(r.Key, key("")))
		if err != nil || len(rooms) > 0 {
			return err
		}
		if at, there := g.outside[r.Key]; !there || at != r.Stamp.Position {
			if len(outside) < maxOutside {
				outside[r.Key] = r.Stamp.Position
			}
			return nil
		}
		return records.Update(ctx, r.Key, func(old []byte) ([]byte, error) {
			if !bytes.Equal(old, r.Value) {
				return old, nil
			}
			return nil, nil
		})
	})
	g.outside = outside
	return err
}
