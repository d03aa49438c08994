package tags

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Of one step of a sweep. Whoever calls Sweep may pause in between.
const (
	stepRooms   = 100 // whose heads are read at once
	stepRecords = 512 // of one room that are deleted at once
	workers     = 64  // deletions at a time: they share an fsync
)

// Sweep deletes the tags of messages that retention has removed, in all rooms, and returns
// how many it was: nobody can set these tags again. It costs a head and a scan of each
// room, which ends at the first tag of a message that is kept. It calls pause after each
// step, and ends with its error. Sweeping again goes on.
func Sweep(ctx context.Context, j journal.Journal, rooms journal.Lister, pause func(context.Context) error) (n int, err error) {
	var some []string
	step := func() error {
		swept, err := sweepRooms(ctx, j, some, func(string, *journal.Head) bool { return true }, pause)
		n, some = n+swept, some[:0]
		if err == nil {
			err = pause(ctx)
		}
		return err
	}
	err = rooms.Rooms(ctx, func(room string) error {
		if some = append(some, room); len(some) < stepRooms {
			return nil
		}
		return step()
	})
	if err == nil && len(some) > 0 {
		err = step()
	}
	return n, err
}

func sweepRooms(ctx context.Context, j journal.Journal, rooms []string, which func(string, *journal.Head) bool, pause func(context.Context) error) (n int, err error) {
	heads, err := j.Heads(ctx, rooms)
	for i := range heads {
		swept := !which(rooms[i], &heads[i])
		for err == nil && heads[i].First > 1 && !swept {
			var keys []string
			if keys, err = below(ctx, j.Records(), rooms[i], heads[i].First); err != nil || len(keys) == 0 {
				break
			}
			if err = Delete(ctx, j.Records(), keys); err == nil {
				n += len(keys)
				err = pause(ctx)
			}
		}
	}
	return n, err
}

// below returns the keys of some tags and pins of messages below a number.
func below(ctx context.Context, records journal.Records, room string, first journal.Seq) (keys []string, err error) {
	for _, prefix := range []string{roomKey(room), pinsKey(room)} {
		end := prefix + hex(first) // which sorts behind all numbers below it
		err := records.Scan(ctx, prefix, func(r journal.Record) error {
			if r.Key >= end || len(keys) >= stepRecords {
				return errEnd
			}
			keys = append(keys, r.Key)
			return nil
		})
		if err != nil && !errors.Is(err, errEnd) {
			return nil, err
		}
	}
	return keys, nil
}

// OfUser returns the keys of the tags that a user has set in a room.
func OfUser(ctx context.Context, records journal.Records, room, user string) (keys []string, err error) {
	err = records.Scan(ctx, roomKey(room), func(r journal.Record) error {
		if t, ok := parse(room, r); ok && t.user == user {
			keys = append(keys, r.Key)
		}
		return nil
	})
	return keys, err
}

// Delete deletes records that no entry writes any more.
func Delete(ctx context.Context, records journal.Records, keys []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, key := range keys {
		group.Go(func() error { return records.Put(ctx, key, nil) })
	}
	return group.Wait()
}
