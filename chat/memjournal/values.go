package memjournal

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// values implements journal.Records.
type values struct{ j *Journal }

// Records implements journal.Journal.
func (j *Journal) Records() journal.Records { return values{j} }

// Put implements journal.Records.
func (v values) Put(ctx context.Context, key string, value []byte) error {
	if err := journal.CheckRecord(key, value); err != nil {
		return err
	}
	if err := v.j.lock(ctx); err != nil {
		return err
	}
	return v.setAndUnlock(journal.Record{Key: key, Value: bytes.Clone(value)})
}

// setAndUnlock sets a record, if there is room for it.
func (v values) setAndUnlock(r journal.Record) error {
	j := v.j
	if err := j.checkRecordLocked(&r); err != nil {
		j.mu.Unlock()
		return err
	}
	due := j.records.set(r, nil)
	j.shrinkLocked(nil)
	j.mu.Unlock()
	drainAll(due)
	return nil
}

// Update implements journal.Records. f is called without locks, and again if the value
// is another one afterwards.
func (v values) Update(ctx context.Context, key string, f func(old []byte) ([]byte, error)) error {
	for {
		old, err := v.Get(ctx, key)
		if err != nil {
			return err
		}
		value, err := v.update(f, old.Value)
		if err != nil {
			return err
		}
		if err := journal.CheckRecord(key, value); err != nil {
			return err
		}
		if err := v.j.lock(ctx); err != nil {
			return err
		}
		if there := v.j.records.get(key).Value; (there == nil) != (old.Value == nil) || !bytes.Equal(there, old.Value) {
			v.j.mu.Unlock()
			continue
		}
		v.j.records.updates++
		return v.setAndUnlock(journal.Record{Key: key, Value: bytes.Clone(value), Stamp: journal.Stamp{Position: v.j.records.updates}})
	}
}

// update calls a function of somebody else. Its panic is an error.
func (v values) update(f func([]byte) ([]byte, error), old []byte) (value []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			v.j.log.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
			err = fmt.Errorf("update of a record panicked: %v", cause)
		}
	}()
	return f(old)
}

// Get implements journal.Records.
func (v values) Get(ctx context.Context, key string) (journal.Record, error) {
	if err := v.j.lock(ctx); err != nil {
		return journal.Record{}, err
	}
	defer v.j.mu.Unlock()
	return copied(v.j.records.get(key)), nil
}

// GetMany implements journal.Records.
func (v values) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	if err := v.j.lock(ctx); err != nil {
		return nil, err
	}
	defer v.j.mu.Unlock()
	list := make([]journal.Record, len(keys))
	for i, key := range keys {
		list[i] = copied(v.j.records.get(key))
	}
	return list, nil
}

// copied returns a record that its reader may keep and change.
func copied(r journal.Record) journal.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}

// Scan implements journal.Records.
func (v values) Scan(ctx context.Context, prefix string, each func(journal.Record) error) error {
	return v.ScanMany(ctx, []string{prefix}, func(_ int, r journal.Record) error { return each(r) })
}

// ScanMany implements journal.Records.
func (v values) ScanMany(ctx context.Context, prefixes []string, each func(int, journal.Record) error) error {
	if err := v.j.lock(ctx); err != nil {
		return err
	}
	lists := make([]iter.Seq[journal.Record], len(prefixes))
	for n, prefix := range prefixes {
		lists[n] = v.j.records.scan(prefix)
	}
	v.j.mu.Unlock()
	for n, list := range lists {
		for r := range list {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := each(n, copied(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Watch implements journal.Records.
func (v values) Watch(prefix string, each func(journal.Record)) (stop func(), err error) {
	j, w := v.j, &watching{prefix: prefix}
	w.follower = newFollower(j.log, func(r journal.Record) { each(copied(r)) })
	if err := j.lock(context.Background()); err != nil {
		return nil, err
	}
	idle := j.records.watch(w)
	stop = j.stopperLocked(func() {
		j.mu.Lock()
		j.records.unwatch(w)
		j.mu.Unlock()
		w.stop()
	})
	j.mu.Unlock()
	if idle {
		w.drain()
	}
	return stop, nil
}
