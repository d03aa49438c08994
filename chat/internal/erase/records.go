package erase

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/internal/sanctions"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Known erases what is shown of a user, when they were here last, and who they are at WeChat. It counts in done.
func Known(ctx context.Context, r journal.Records, user string, done *User) error {
	n, err := identity.ForgetOpenid(ctx, r, user)
	if done.Records += n; err == nil {
		n, err = profiles.Profiles{Records: r}.Forget(ctx, user)
		done.Records += n
	}
	return err
}

// Records erases what the records say of a user beside where the user belongs to: how the
// user has conversations in the list, which messages mention them, that they were online, what they have
// tagged, in all rooms of lister, and mutes and bans that are over. It counts in done. Nothing is told to
// clients: they see it when they read the messages next.
func Records(ctx context.Context, r journal.Records, lister journal.Lister, user string, done *User) error {
	settings, mentions := list.OfUser(user)
	keys, err := keysOf(ctx, r, settings)
	for _, key := range keys {
		if err == nil {
			err = r.Update(ctx, key, func([]byte) ([]byte, error) { return nil, nil })
			done.Records++
		}
	}
	if err != nil {
		return err
	}
	keys, err = keysOf(ctx, r, mentions)
	if err == nil {
		var gone []string
		gone, err = online.OfUser(ctx, r, user)
		keys = append(keys, gone...)
	}
	if err == nil {
		err = tags.Delete(ctx, r, keys)
	}
	if err != nil {
		return err
	}
	done.Records += len(keys)
	over, err := sanctions.EraseOver(ctx, r, user)
	if done.Records += over; err != nil {
		return err
	}
	err = lister.Rooms(ctx, func(room string) error {
		keys, err := tags.OfUser(ctx, r, room, user)
		if err == nil {
			done.Tags += len(keys)
			err = tags.Delete(ctx, r, keys)
		}
		return err
	})
	if err == nil {
		err = list.Afresh(ctx, r)
	}
	return err
}

func keysOf(ctx context.Context, r journal.Records, prefix string) (keys []string, err error) {
	err = r.Scan(ctx, prefix, func(record journal.Record) error {
		keys = append(keys, record.Key)
		return nil
	})
	return keys, err
}
