package list

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Membership is what the records say of a user in a conversation.
type Membership struct {
	Seat    members.Seat
	Room    members.Room
	Row     Settings
	Blocked bool  // the other one of two has blocked the user
	Err     error // the records make no sense; then nothing else counts
}

// Memberships returns what a user is in some rooms, in the order asked. It asks the journal
// once, and once more if there are conversations of two: for all rooms together.
func (r *Reader) Memberships(ctx context.Context, user string, rooms []string) ([]Membership, error) {
	n := len(rooms)
	keys := make([]string, 3*n)
	for i, room := range rooms {
		// No room stands behind a seat: see members.Load.
		keys[i], keys[n+i], keys[2*n+i] = members.RoomKey(room), members.RoleKey(room, user), SettingsKey(user, room)
	}
	records, err := r.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	list := make([]Membership, n)
	for i, room := range rooms {
		list[i] = membership(user, room, [3]journal.Record{records[i], records[n+i], records[2*n+i]})
	}
	return list, r.findBlocks(ctx, user, rooms, list)
}

// membership reads the records of a room, of the user's seat and of the user's settings.
func membership(user, room string, records [3]journal.Record) (m Membership) {
	state, err := members.Parse(room, []string{user}, records[:2])
	if err != nil {
		return Membership{Err: err}
	}
	m.Room, m.Seat = state.Room, state.Seats[user]
	if own, of := OwnSeat(user, room); own.Role != access.NoRole {
		m.Seat, m.Room = own, of
	}
	if m.Seat.Role != access.NoRole {
		m.Row, m.Err = ParseSettings(records[2])
	}
	return m
}

// findBlocks notes in which conversations of two the other one has blocked the user.
func (r *Reader) findBlocks(ctx context.Context, user string, rooms []string, list []Membership) error {
	var keys []string
	var of []*Membership
	for i := range list {
		m := &list[i]
		if other := m.Room.With(user); other != "" && m.Seat.Role != access.NoRole {
			keys, of = append(keys, SettingsKey(other, rooms[i])), append(of, m)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	records, err := r.Journal.Records().GetMany(ctx, keys)
	for i := range records {
		var theirs Settings
		theirs, of[i].Err = ParseSettings(records[i])
		of[i].Blocked = theirs.Block
	}
	return err
}
