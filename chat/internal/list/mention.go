package list

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What is known of mentions are stamps: that of the newest message that mentions a member,
// and that of the newest that mentions everybody. The records are empty and are written
// in the commit of the message.

// MentionKey is the key of the record of a member's mentions in a conversation.
func MentionKey(user, room string) string { return mentionsOf(user) + room }

func mentionsOf(user string) string { return "at\x00" + user + "\x00" }

// OfUser returns what the keys of a user's records begin with: the settings, which Update
// writes, and the mentions, which entries write.
func OfUser(user string) (settings, mentions string) { return settingsOf(user), mentionsOf(user) }

// AllKey is the key of the record of everybody's mentions in a conversation.
func AllKey(room string) string { return "all\x00" + room }

// Mention returns the records of a message that mentions members, or everybody.
func Mention(room string, ids []string) []journal.Record {
	list := make([]journal.Record, len(ids))
	for i, id := range ids {
		list[i] = journal.Record{Key: MentionKey(id, room), Value: []byte{}}
		if id == wire.Everybody {
			list[i].Key = AllKey(room)
		}
	}
	return list
}

// Mentioned is Mention for users of whom only members count, or for everybody.
func Mentioned(ctx context.Context, r journal.Records, room string, users []string) ([]journal.Record, error) {
	if users[0] == wire.Everybody {
		return Mention(room, users), nil
	}
	state, err := members.Load(ctx, r, room, users, false)
	return Mention(room, slices.DeleteFunc(slices.Clone(users), func(id string) bool {
		return state.Seats[id].Role == access.NoRole
	})), err
}
