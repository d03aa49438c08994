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

// intact returns what can be read of the keys from ≤ key < to, in ascending order, as it
// is now. What a damaged part of a table may say otherwise is left out: an older version
// must not come back of what was deleted or recalled.
func (t *Tables) intact(ctx context.Context, from, to []byte) (list []pair, err error) {
	if bytes.Compare(from, to) >= 0 {
		return nil, nil
	}
	if t.Flush != nil {
		if err := t.Flush(ctx); err != nil && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	for range tableTries {
		if list, err = t.merge(ctx, from, to); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return list, err
}

// merge reads the tables, the newest one first.
func (t *Tables) merge(ctx context.Context, from, to []byte) ([]pair, error) {
	levels, err := t.DB.SSTables(pebble.WithKeyRangeFilter(from, to))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(levels[0], func(a, b pebble.SSTableInfo) int { return cmp.Compare(b.LargestSeqNum, a.LargestSeqNum) })
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
		if table.Virtual { // Options do not let Pebble make one
			older.lost = append(older.lost, keyRange{from, to})
			continue
		}
		path := filepath.Join(t.Dir, fmt.Sprintf("%06d.sst", uint64(table.FileNum)))
		c, err := t.readTable(ctx, path, from, to)
		if err != nil {
			return nil, err
		}
		older.deleted = append(older.deleted, c.deleted...)
		for key, v := range c.keys {
			if _, newer := known[key]; !newer && !older.hides([]byte(key), v.seq) {
				known[key] = v
			}
		}
		older.lost = append(older.lost, c.lost...)
	}
	return pairs(known), nil
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
