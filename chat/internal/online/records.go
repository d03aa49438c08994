package online

import (
	"context"
	"errors"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

const prefix = "online\x00"

func key(node, user string) string { return prefix + node + "\x00" + user }

// split returns the node and the user of a key.
func split(key string) (node, user string) {
	node, user, _ = strings.Cut(strings.TrimPrefix(key, prefix), "\x00")
	return node, user
}

// ToldKey is the key of the record that says that a user was told of what they have missed
// in a room. It is deleted when the user comes online, and when they go.
func ToldKey(user, room string) string { return told(user) + room }

func told(user string) string { return "told\x00" + user + "\x00" }

// OfUser returns the keys of what is noted of a user, for who erases it: the user has gone.
func OfUser(ctx context.Context, records journal.Records, user string) (keys []string, err error) {
	for _, prefix := range []string{prefix, told(user)} {
		if err == nil {
			err = records.Scan(ctx, prefix, func(r journal.Record) error {
				if _, whose := split(r.Key); whose == user || strings.HasPrefix(r.Key, told(user)) {
					keys = append(keys, r.Key)
				}
				return nil
			})
		}
	}
	return keys, err
}

// maxTold bounds the records of that kind that are deleted with one event.
const maxTold = 400

// toldOf returns such records to be deleted, and whether there are more.
func toldOf(ctx context.Context, records journal.Records, user string) (list []journal.Record, more bool, err error) {
	err = records.Scan(ctx, told(user), func(r journal.Record) error {
		if len(list) == maxTold {
			return errEnough
		}
		list = append(list, journal.Record{Key: r.Key})
		return nil
	})
	if errors.Is(err, errEnough) {
		return list, true, nil
	}
	return list, false, err
}

// errEnough ends a scan.
var errEnough = errors.New("there are enough")
