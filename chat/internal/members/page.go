package members

import (
	"context"
	"errors"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Seated is a user with a seat.
type Seated struct {
	User string
	Seat Seat
}

// Page returns the members of a room behind the id after, ordered by id: at most limit of
// them, and whether there are more.
func Page(ctx context.Context, r journal.Records, room, after string, limit int) (list []Seated, more bool, err error) {
	prefix := RolesKey(room)
	err = r.Scan(ctx, prefix, func(record journal.Record) error {
		id := strings.TrimPrefix(record.Key, prefix)
		if id <= after {
			return nil
		}
		if len(list) == limit {
			more = true
			return errEnough
		}
		seat, err := ParseSeat(record)
		list = append(list, Seated{id, seat})
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, more, err
}

// errEnough ends a scan.
var errEnough = errors.New("there are enough")

// RoomsOf returns the conversations that a user belongs to, or has left lately.
func RoomsOf(ctx context.Context, r journal.Records, user string) (rooms []string, err error) {
	prefix := UserKey(user)
	err = r.Scan(ctx, prefix, func(record journal.Record) error {
		rooms = append(rooms, strings.TrimPrefix(record.Key, prefix))
		return nil
	})
	return rooms, err
}

// IsMember reports whether a user belongs to any conversation.
func IsMember(ctx context.Context, r journal.Records, user string) (is bool, err error) {
	err = r.Scan(ctx, UserKey(user), func(record journal.Record) error {
		seat, err := ParseSeat(record)
		if is = err == nil && seat.Role != access.NoRole; is {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return is, err
}
