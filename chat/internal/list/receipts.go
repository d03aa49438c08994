package list

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// AddRead adds how far the members of a conversation have read.
func (r *Reader) AddRead(ctx context.Context, room string, users []wire.MemberOf) error {
	keys := make([]readmarks.Key, len(users))
	for i := range users {
		u := &users[i].User
		keys[i] = readmarks.Key{User: u.ID, Room: room, Guest: u.Guest, Member: true}
	}
	marks, err := r.Marks.Get(ctx, keys)
	if err != nil {
		return err
	}
	head, err := HeadOf(ctx, r.Journal, room)
	if err != nil {
		return err
	}
	for i := range marks {
		users[i].Read = max(users[i].Since, uint64(marks[i].In(head.Epoch).Seq))
	}
	return nil
}
