package pebblejournal

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// records are journal.Records in the journal's store.
type records struct{ journal *Journal }

// Records returns the small records kept beside the entries.
func (j *Journal) Records() journal.Records { return records{j} }

// Put keeps value under key. When ctx ends before that is durable, it may still
// come to pass.
func (r records) Put(ctx context.Context, key string, value []byte) error {
	k, value := appendRecordKey(nil, key), slices.Clone(value)
	return r.journal.change(ctx, false, func(g *group) error {
		if value == nil {
			return g.batch.Delete(k, nil)
		}
		return g.batch.Set(k, value, nil)
	})
}

// Get returns nil where there is no such record.
func (r records) Get(ctx context.Context, key string) ([]byte, error) {
	h, err := r.journal.store.use(ctx)
	if err != nil {
		return nil, err
	}
	defer h.release()
	return h.get(appendRecordKey(nil, key))
}

// Scan calls each with copies, while the records are held as they were when it
// began.
func (r records) Scan(ctx context.Context, prefix string, each func(key string, value []byte) error) error {
	h, err := r.journal.store.use(ctx)
	if err != nil {
		return err
	}
	defer h.release()
	start := appendRecordKey(nil, prefix)
	iter, err := h.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: prefixEnd(start)})
	if err != nil {
		return err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		value := append([]byte{}, iter.Value()...)
		if err := each(string(iter.Key()[1:]), value); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return iter.Error()
}
