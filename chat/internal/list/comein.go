package list

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Refuses returns the first of some users who cannot be brought into a conversation by
// somebody, and why: the user has blocked that one, in a room of one of the patterns, or
// belongs to so many conversations already. No text is nobody. n is how many records were read:
// some thousands where users belong to many conversations.
func (r *Reader) Refuses(ctx context.Context, by string, patterns, users []string, most int) (i int, why *wire.Error, n int, err error) {
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
		return 0, nil, 0, err
	}
	n = len(records)
	for k := range records {
		s, err := ParseSettings(records[k])
		if err != nil {
			return 0, nil, n, err
		}
		if s.Block {
			return whose[k], wire.Forbidden.Error(""), n, nil
		}
	}
	for i, user := range users {
		if user == "" {
			continue
		}
		if r.counts.add(user, most, time.Now()) {
			continue
		}
		full, read, err := r.full(ctx, user, most)
		n += read
		if err != nil {
			return 0, nil, n, err
		}
		if full {
			why = wire.TooMany.Error("")
			why.Message = fmt.Sprintf("nobody belongs to more than %d conversations", most)
			return i, why, n, nil
		}
	}
	return 0, nil, n, nil
}

// full reports whether a user belongs to so many conversations already. It costs a scan of the
// user's seats, those that are left included: some 3 ms for 10,000. If it is not so, the user
// counts as coming into one.
func (r *Reader) full(ctx context.Context, user string, most int) (full bool, read int, err error) {
	n := 0
	err = r.Journal.Records().Scan(ctx, members.UserKey(user), func(rec journal.Record) error {
		read++
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
		return true, read, nil
	}
	if err == nil {
		r.counts.note(user, n+1, time.Now())
	}
	return false, read, err
}

// errEnough ends a scan.
var errEnough = errors.New("there are enough")
