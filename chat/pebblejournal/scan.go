package pebblejournal

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
)

// scanStep is how many rooms or keys are scanned before the store is released and
// the scan pauses.
const scanStep = 256

// scan calls do for the keys from start to end, but for no more than step of them.
// It returns where to go on, or nil at the end. Between two steps the store is not
// held, as it would be by one long iteration. After an error do may still be running; what
// it changes must not be looked at.
func (j *Journal) scan(ctx context.Context, start, end []byte, step int, do func(key, value []byte) error) (next []byte, err error) {
	return disk.Within(ctx, j.store, func(h *disk.Handle) ([]byte, error) { return j.scanOpen(ctx, h, start, end, step, do) })
}

// scanOpen is scan for the open store. What cannot be read is left out.
func (j *Journal) scanOpen(ctx context.Context, h *disk.Handle, start, end []byte, step int, do func(key, value []byte) error) (next []byte, err error) {
	iter, err := salvage.New(h.Reader(ctx), start, end, func(error) { j.noteDamage(1) })
	if err != nil {
		return nil, err
	}
	defer iter.Close()
	n := 0
	for at := iter.First(); at; at = iter.Next() {
		if n++; n > step {
			return append([]byte(nil), iter.Key()...), nil
		}
		if err := do(iter.Key(), iter.Value()); err != nil {
			return nil, err
		}
	}
	return nil, iter.Error()
}

// foundRoom is a room and its state as it is written in the store, which may lack the
// newest entries.
type foundRoom struct {
	name  string
	state format.RoomState
}

// eachRoom calls do for all rooms of the store, some hundreds at a time. After each
// step it pauses slowdown times as long as the step took.
func (j *Journal) eachRoom(ctx context.Context, slowdown time.Duration, do func([]foundRoom) error) error {
	next := format.TableStart(format.Room)
	for next != nil {
		began := time.Now()
		var step []foundRoom
		var err error
		next, err = j.scan(ctx, next, format.TableEnd(format.Room), scanStep, func(key, value []byte) error {
			name, ok := format.CutRoomKey(key)
			state, err := format.DecodeState(value)
			if !ok || err != nil { // as if its block were damaged: other rooms go on
				j.noteDamage(1)
				return nil
			}
			step = append(step, foundRoom{name, state})
			return nil
		})
		if err != nil {
			return err
		}
		if err := do(step); err != nil {
			return err
		}
		if err := disk.Pause(ctx, slowdown*time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// Rooms calls each for every room in which anything was recorded, in the order of
// the store. If each returns an error, Rooms stops and returns it. Behind them come rooms whose
// states cannot be read, if they have entries.
func (j *Journal) Rooms(ctx context.Context, each func(room string) error) error {
	before := j.figures.Stats().Damaged
	err := j.eachRoom(ctx, 0, func(rooms []foundRoom) error {
		for _, r := range rooms {
			if err := each(r.name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || j.figures.Stats().Damaged == before {
		return err
	}
	return rows.EachUnlisted(func(look func(*salvage.Reader) error) error {
		_, err := disk.Within(ctx, j.store, func(h *disk.Handle) (struct{}, error) { return struct{}{}, look(h.Reader(ctx)) })
		return err
	}, each)
}

// buildFilter builds the filter of idempotency keys from all keys of the store. The
// committer adds those that are used meanwhile.
func (j *Journal) buildFilter(ctx context.Context) error {
	filter := j.filter.Begin()
	// The group that the committer is writing may have keys that it did not add,
	// because the filter was begun later. They are in the store once this change
	// is made.
	if err := j.change(ctx, true, func(*commit.Group) error { return nil }); err != nil {
		return err
	}
	start := format.TableStart(format.Idem)
	for start != nil {
		began := time.Now()
		next, err := j.scan(ctx, start, format.TableEnd(format.Idem), 16*scanStep, func(key, _ []byte) error {
			filter.Add(format.IdemHash(key))
			return nil
		})
		if err != nil {
			return err
		}
		start = next
		if err := disk.Pause(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	j.filter.Finish(filter)
	return nil
}

// expireKeys deletes the idempotency keys whose entry is deleted and which were used
// before a time in Unix milliseconds.
func (j *Journal) expireKeys(ctx context.Context, before int64, slowdown time.Duration) error {
	start := format.TableStart(format.Expiry)
	end := format.AppendExpiryKey(nil, before, "", format.KeyHash{})
	for start != nil {
		began := time.Now()
		var e commit.Expiry
		next, err := j.scan(ctx, start, end, scanStep, func(key, _ []byte) error {
			e.Keys = append(e.Keys, append([]byte(nil), key...))
			return nil
		})
		if err != nil {
			return err
		}
		if len(e.Keys) > 0 {
			e.Start, e.End = start, end
			if next != nil {
				e.End = next
			}
			if err := j.change(ctx, true, e.Apply); err != nil {
				return err
			}
		}
		start = next
		if err := disk.Pause(ctx, slowdown*time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}
