package salvage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// pair is a key with its value.
type pair struct{ key, value []byte }

// tableTries is how often it is begun again because tables were replaced meanwhile.
const tableTries = 20

// flush turns the log into tables, if it can. It fails with ctx only.
func (t *Tables) flush(ctx context.Context) error {
	if t.Flush != nil && t.Flush(ctx) != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// intact returns what can be read of the keys from ≤ key < upTo, in ascending order, as it
// is now. What a damaged part of a table may say otherwise is left out: an older version
// must not come back of what was deleted or recalled. upTo is above from, and at most to.
func (t *Tables) intact(ctx context.Context, from, to []byte) (list []pair, upTo []byte, err error) {
	for range tableTries {
		if list, upTo, err = t.merge(ctx, from, to); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return list, upTo, err
}

// merge reads the tables, the newest one first. Where one has much, the others are read so far only.
func (t *Tables) merge(ctx context.Context, from, to []byte) (list []pair, upTo []byte, err error) {
	levels, err := t.DB.SSTables(pebble.WithKeyRangeFilter(from, to))
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(levels[0], func(a, b pebble.SSTableInfo) int { return cmp.Compare(b.LargestSeqNum, a.LargestSeqNum) })
	upTo = to
	known := map[string]version{}
	var older contents // what newer tables say of all older ones
	for _, table := range slices.Concat(levels...) {
		from, to := from, to
		if bytes.Compare(table.Smallest.UserKey, from) > 0 {
			from = table.Smallest.UserKey
		}
		if end := append(slices.Clone(table.Largest.UserKey), 0); bytes.Compare(end, to) < 0 {
			to = end
		}
		if bytes.Compare(upTo, to) < 0 {
			to = upTo
		}
		if bytes.Compare(from, to) >= 0 {
			continue
		}
		if table.Virtual { // Options do not let Pebble make one
			older.lost = append(older.lost, keyRange{from, to})
			continue
		}
		path := filepath.Join(t.Dir, fmt.Sprintf("%06d.sst", uint64(table.FileNum)))
		c, err := t.readTable(ctx, path, from, to)
		if err != nil {
			return nil, nil, err
		}
		if c.until != nil {
			upTo = c.until
		}
		older.deleted = append(older.deleted, c.deleted...)
		for key, v := range c.keys {
			if _, newer := known[key]; !newer && !older.hides([]byte(key), v.seq) {
				known[key] = v
			}
		}
		older.lost = append(older.lost, c.lost...)
	}
	for key := range known {
		if key >= string(upTo) {
			delete(known, key)
		}
	}
	return pairs(known), upTo, nil
}

// hides reports whether a version of a key is deleted, or may be.
func (c *contents) hides(key []byte, seq uint64) bool {
	return slices.ContainsFunc(c.lost, func(r keyRange) bool { return r.has(key) }) ||
		slices.ContainsFunc(c.deleted, func(d deletion) bool { return d.seq > seq && d.has(key) })
}

func (r keyRange) has(key []byte) bool {
	return bytes.Compare(key, r.from) >= 0 && bytes.Compare(key, r.to) < 0
}

// pairs returns what is not deleted.
func pairs(known map[string]version) (list []pair) {
	for key, v := range known {
		if v.value != nil {
			list = append(list, pair{[]byte(key), v.value})
		}
	}
	slices.SortFunc(list, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	return list
}
