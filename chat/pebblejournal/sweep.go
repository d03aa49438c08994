package pebblejournal

import (
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// sweepPace is how much longer than it works a sweep in the background rests.
const sweepPace = 9

// sweepStep is how many rooms or keys are gone through between two rests.
const sweepStep = 256

// sweep enforces the retention of every room, and forgets expired keys.
func (j *Journal) sweep(ctx context.Context, pace time.Duration) error {
	err := j.eachRoom(ctx, pace, func(name string, at head) error {
		keep := j.opt.retention(name)
		if !j.mayExceed(at, keep) {
			return nil
		}
		return j.trimRoom(ctx, name, keep, 0)
	})
	if err != nil {
		return err
	}
	return j.expireKeys(ctx, pace)
}

// mayExceed tells cheaply, by the head in the store, that nothing is to be done.
func (j *Journal) mayExceed(at head, keep journal.Retention) bool {
	return keep.Count > 0 || keep.Bytes > 0 ||
		keep.Age > 0 && at.firstAt > 0 && at.firstAt < j.opt.now().Add(-keep.Age).UnixMilli()
}

// Rooms calls each for every room that anything was recorded in, in the order of
// the store, until each returns an error, which Rooms returns.
func (j *Journal) Rooms(ctx context.Context, each func(room string) error) error {
	return j.eachRoom(ctx, 0, func(name string, _ head) error { return each(name) })
}

// eachRoom calls do for every room of the store, with the head as it is written
// there. It rests pace times as long as it works.
func (j *Journal) eachRoom(ctx context.Context, pace time.Duration, do func(name string, at head) error) error {
	type found struct {
		name string
		at   head
	}
	next := tableStart(tableHead)
	for next != nil {
		began := time.Now()
		var step []found
		var err error
		next, err = j.walk(ctx, next, tableEnd(tableHead), sweepStep, func(key, value []byte) error {
			name, _, ok := cutRoom(key[1:])
			at, err := decodeHead(value)
			if !ok || err != nil {
				return errors.Join(errDamaged, err)
			}
			step = append(step, found{name, at})
			return nil
		})
		if err != nil {
			return err
		}
		for _, f := range step {
			if err := do(f.name, f.at); err != nil {
				return err
			}
		}
		if err := rest(ctx, pace*time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// walk calls do for some keys, step at most, from start on, and returns where to
// go on; nil is the end. The store is not held between two steps, as it would be
// by a long iteration.
func (j *Journal) walk(ctx context.Context, start, end []byte, step int, do func(key, value []byte) error) (next []byte, err error) {
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

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) error {
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

// expireKeys deletes the idempotency keys that have outlived their entry long
// enough.
func (j *Journal) expireKeys(ctx context.Context, pace time.Duration) error {
	start := tableStart(tableExpiry)
	end := appendExpiryKey(nil, j.opt.now().Add(-keyLife).UnixMilli(), "", claim{})
	for start != nil {
		began := time.Now()
		var e expiry
		next, err := j.walk(ctx, start, end, sweepStep, func(key, _ []byte) error {
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
		if err := rest(ctx, pace*time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// expiry is the end of some idempotency keys, and of the notes of them.
type expiry struct {
	keys       [][]byte // of tableExpiry
	start, end []byte   // what they lie between
}

// forgetKey deletes an idempotency key.
func (g *group) forgetKey(room string, c claim) {
	_ = g.batch.Delete(appendClaimKey(nil, room, c), nil)
	g.journal.filter.deleted.Add(1)
}

func (e *expiry) apply(g *group) error {
	for _, key := range e.keys {
		at, room, c, ok := cutExpiryKey(key)
		if !ok {
			continue // it goes, and leads to nothing
		}
		// The key may have been used again since it could be forgotten.
		_, used, err := g.claimed(room, c)
		if err != nil {
			return err
		}
		if used == at && g.claims[c] == nil {
			g.forgetKey(room, c)
		}
	}
	return g.batch.DeleteRange(e.start, e.end, nil)
}
