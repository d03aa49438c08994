package salvage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Tables are the tables of a store, read one by one. Pebble reads all of them at once: where
// one of them is damaged, it shows nothing of the others either.
type Tables struct {
	DB      *pebble.DB
	FS      vfs.FS
	Dir     string
	Options *pebble.Options // as the store has them, with defaults

	// Flush turns the log into tables, if it can. It may be nil.
	Flush func(context.Context) error

	// Note is told of damage, so that it is found faster the next time.
	Note func(path string, err error)
}

// version is what one table says of a key.
type version struct {
	seq   uint64 // the higher, the newer
	value []byte // nil: the key was deleted
}

// contents is what can be read of a table between two keys.
type contents struct {
	keys    map[string]version // the newest version of each
	deleted []deletion
	lost    []keyRange // what cannot be read
	until   []byte     // where reading stopped because it was enough; nil: it did not
}

// enough is about how many bytes are read of a table at once: a damaged place may be as large as a table, and what intact
// ones have there much more.
const enough = 1 << 20

// deletion says that the keys from ≤ key < to were deleted, as far as they are older.
type deletion struct {
	keyRange
	seq uint64
}

// readTable reads what a table has of the keys from ≤ key < to. A table that is not there
// any more is an error: there are others instead. Whatever else is wrong is damage.
func (t *Tables) readTable(ctx context.Context, path string, from, to []byte) (c contents, err error) {
	all := keyRange{from, to}
	file, err := t.FS.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err != nil {
		c.lost = append(c.lost, all)
		return c, nil
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		c.lost = append(c.lost, all)
		return c, file.Close()
	}
	r, err := sstable.NewReader(ctx, readable, t.Options.MakeReaderOptions())
	if err != nil { // it has closed the file
		c.lost = append(c.lost, all)
		return c, nil
	}
	defer r.Close()
	if c.deleted, err = deletions(ctx, r); err == nil {
		part := tableReader{ctx: ctx, table: r, keyRange: all, contents: contents{keys: map[string]version{}, deleted: c.deleted}}
		part.note = func(err error) { t.Note(path, err) }
		err = part.readAll()
		c = part.contents
	}
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		c.lost = append(c.lost, all)
	}
	return c, nil
}

// deletions returns what a table says was deleted as a range.
func deletions(ctx context.Context, r *sstable.Reader) (list []deletion, err error) {
	iter, err := r.NewRawRangeDelIter(ctx, sstable.NoFragmentTransforms, sstable.NoReadEnv)
	if err != nil || iter == nil {
		return nil, err
	}
	defer iter.Close()
	span, err := iter.First()
	for ; span != nil && err == nil; span, err = iter.Next() {
		for _, k := range span.Keys {
			list = append(list, deletion{keyRange{slices.Clone(span.Start), slices.Clone(span.End)}, uint64(k.SeqNum())})
		}
	}
	return list, err
}

// tableReader reads one table.
type tableReader struct {
	ctx   context.Context
	table *sstable.Reader
	keyRange
	contents
	bytes int         // of what was read
	note  func(error) // of damage
}

// readAll reads the part between the bounds, and skips what cannot be read.
func (t *tableReader) readAll() error {
	for next := t.from; next != nil; {
		if t.ctx.Err() != nil {
			return nil
		}
		var err error
		if next, err = t.readOn(next); err == nil || !pebble.IsCorruptionError(err) {
			if t.bytes >= enough {
				t.until = next
			}
			return err
		}
		t.note(err)
		end := t.readableFrom(next)
		t.lost = append(t.lost, keyRange{next, end})
		if next = end; bytes.Equal(end, t.to) {
			return nil
		}
	}
	return nil
}

// readOn reads from a key on, until it is enough. It returns where it stopped, or where something begins that cannot be read.
func (t *tableReader) readOn(at []byte) (next []byte, err error) {
	iter, err := t.table.NewIter(sstable.NoTransforms, t.from, t.to, sstable.AssertNoBlobHandles)
	if err != nil {
		return at, err
	}
	defer iter.Close() // it returns the error of before
	next = at
	for kv := iter.SeekGE(at, 0); kv != nil && t.bytes < enough; kv = iter.Next() {
		key := kv.K.UserKey
		if _, newer := t.keys[string(key)]; !newer {
			v := version{seq: uint64(kv.SeqNum())}
			if kv.Kind() == pebble.InternalKeyKindSet || kv.Kind() == pebble.InternalKeyKindSetWithDelete {
				value, _, err := kv.Value(nil)
				if err != nil {
					return next, err
				}
				v.value = append([]byte{}, value...)
			}
			t.keys[string(key)] = v
			t.bytes += len(key) + len(v.value)
		}
		next = append(slices.Clone(key), 0)
	}
	return next, iter.Error()
}

// readableFrom returns a key from which on the table can be read again.
func (t *tableReader) readableFrom(bad []byte) (good []byte) {
	good = t.to
	for left := failsAtName; left > 0 && t.ctx.Err() == nil; {
		mid := between(bad, good, max(len(bad), len(good))+precision)
		if mid == nil {
			break
		}
		if t.readable(mid) {
			good = mid
		} else {
			bad = mid
			left--
		}
	}
	return good
}

func (t *tableReader) readable(key []byte) bool {
	iter, err := t.table.NewIter(sstable.NoTransforms, t.from, t.to, sstable.AssertNoBlobHandles)
	if err != nil {
		return false
	}
	defer iter.Close()
	iter.SeekGE(key, 0)
	if err := iter.Error(); err != nil {
		t.note(err)
		return false
	}
	return true
}
