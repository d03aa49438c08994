package list

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Refuses returns the first of some users who cannot be brought into a conversation by
// somebody, and why: the user has blocked that one, in a room of one of the patterns, or
// belongs to so many conversations already. No text is nobody.
func (r *Reader) Refuses(ctx context.Context, by string, patterns, users []string, most int) (i int, why *wire.Error, err error) {
	var keys []string
	var whose []int
	for i, user := range users {
		if user == "" || user == by {
			continue
		}
		for _, p := range patterns {
			keys, whose = append(keys, SettingsKey(user, members.DirectName(p, user, by))), append(whose, i)
		}
	}
	records, err := r.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return 0, nil, err
	}
	for n := range records {
		s, err := ParseSettings(records[n])
		if err != nil {
			return 0, nil, err
		}
		if s.Block {
			return whose[n], wire.Forbidden.Error(""), nil
		}
	}
	for i, user := range users {
		if user == "" {
			continue
		}
		full, err := r.full(ctx, user, most)
		if err != nil {
			return 0, nil, err
		}
		if full {
			why = wire.TooMany.Error("")
			why.Message = fmt.Sprintf("nobody belongs to more than %d conversations", most)
			return i, why, nil
		}
	}
	return 0, nil, nil
}

// full reports whether a user belongs to so many conversations already. It costs a scan of
// as many records: some 3 ms for 10,000.
func (r *Reader) full(ctx context.Context, user string, most int) (bool, error) {
	n := 0
	err := r.Journal.Records().Scan(ctx, members.UserKey(user), func(rec journal.Record) error {
		seat, err := members.ParseSeat(rec)
		if seat.Role != access.NoRole {
			n++
		}
		if err == nil && n >= most {
			return errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return true, nil
	}
	return false, err
}

// errEnough ends a scan.
var errEnough = errors.New("there are enough")
