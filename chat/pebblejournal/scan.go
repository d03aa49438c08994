package pebblejournal

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// scanStep is how many rooms or keys are scanned before the store is released and
// the scan pauses.
const scanStep = 256

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scan calls do for the keys from start to end, but for no more than step of them.
// It returns where to go on, or nil at the end. Between two steps the store is not
// held, as it would be by one long iteration.
func (j *Journal) scan(ctx context.Context, start, end []byte, step int, do func(key, value []byte) error) (next []byte, err error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return nil, err
	}
	defer h.release()
	iter, err := h.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
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

// eachRoom calls do for every room of the store, with its state as it is written
// there, which may lack the newest entries. After each step it pauses slowdown
// times as long as the step took.
func (j *Journal) eachRoom(ctx context.Context, slowdown time.Duration, do func(name string, state roomState) error) error {
	type found struct {
		name  string
		state roomState
	}
	next := tableStart(tableRoom)
	for next != nil {
		began := time.Now()
		var step []found
		var err error
		next, err = j.scan(ctx, next, tableEnd(tableRoom), scanStep, func(key, value []byte) error {
			name, _, ok := cutString(key[1:])
			state, err := decodeState(value)
			if !ok || err != nil {
				return errors.Join(errDamaged, err)
			}
			step = append(step, found{name, state})
			return nil
		})
		if err != nil {
			return err
		}
		for _, f := range step {
			if err := do(f.name, f.state); err != nil {
				return err
			}
		}
		if err := pause(ctx, slowdown*time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// Rooms calls each for every room in which anything was recorded, in the order of
// the store. If each returns an error, Rooms stops and returns it.
func (j *Journal) Rooms(ctx context.Context, each func(room string) error) error {
	return j.eachRoom(ctx, 0, func(name string, _ roomState) error { return each(name) })
}

// buildFilter builds the filter of idempotency keys from all keys of the store. The
// committer adds those that are used meanwhile.
func (j *Journal) buildFilter(ctx context.Context) error {
	filter := j.filter.Begin()
	// The group that the committer is writing may have keys that it did not add,
	// because the filter was begun later. They are in the store once this change
	// is made.
	if err := j.change(ctx, true, func(*commitGroup) error { return nil }); err != nil {
		return err
	}
	start := tableStart(tableIdem)
	for start != nil {
		began := time.Now()
		next, err := j.scan(ctx, start, tableEnd(tableIdem), 16*scanStep, func(key, _ []byte) error {
			filter.Add(idemHash(key))
			return nil
		})
		if err != nil {
			return err
		}
		start = next
		if err := pause(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	j.filter.Finish(filter)
	return nil
}

// expireKeys deletes the idempotency keys whose entry is deleted and which are
// older than keyLife.
func (j *Journal) expireKeys(ctx context.Context, slowdown time.Duration) error {
	start := tableStart(tableExpiry)
	end := appendExpiryKey(nil, j.opt.now().Add(-keyLife).UnixMilli(), "", keyHash{})
	for start != nil {
		began := time.Now()
		var e expiry
		next, err := j.scan(ctx, start, end, scanStep, func(key, _ []byte) error {
			e.keys = append(e.keys, append([]byte(nil), key...))
			return nil
		})
		if err != nil {
			return err
		}
		if len(e.keys) > 0 {
			e.start, e.end = start, end
			if next != nil {
				e.end = next
			}
			if err := j.change(ctx, true, e.apply); err != nil {
				return err
			}
		}
		start = next
		if err := pause(ctx, slowdown*time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// expiry deletes idempotency keys and their keys in tableExpiry.
type expiry struct {
	keys       [][]byte // of tableExpiry
	start, end []byte   // the range of keys
}

func (e *expiry) apply(g *commitGroup) error {
	for _, key := range e.keys {
		at, room, hash, ok := cutExpiryKey(key)
		if !ok {
			continue // it is deleted too, and stands for no idempotency key
		}
		// The idempotency key may have been used again since it expired.
		_, used, err := g.keyReceipt(room, hash)
		if err != nil {
			return err
		}
		if used == at && g.hashes[hash] == nil {
			g.deleteKey(room, hash)
		}
	}
	return g.batch.DeleteRange(e.start, e.end, nil)
}
