package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// batch is what the logs have of one batch.
type batch struct {
	seq, count uint64            // of Pebble's numbers: the first, and how many
	meta       map[string][]byte // what it sets among the keys of Config.Meta
}

// parseBatch reads a batch. It returns false if it cannot be read to its end.
//
// Pebble's reader panics for some bytes that are no batch: they are not readable.
func parseBatch(b []byte, meta byte) (out batch, ok bool) {
	defer func() {
		if recover() != nil {
			out, ok = batch{}, false
		}
	}()
	header, ok := batchrepr.ReadHeader(b)
	if !ok {
		return batch{}, false
	}
	out = batch{seq: uint64(header.SeqNum), count: uint64(header.Count), meta: map[string][]byte{}}
	r := batchrepr.Read(b)
	for {
		kind, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return out, err == nil
		}
		if kind == pebble.InternalKeyKindSet && len(key) > 0 && key[0] == meta {
			out.meta[string(key)] = bytes.Clone(value)
		}
	}
}

// logReader reads the logs one after the other. Once something is missing, what
// follows counts as beyond.
type logReader struct {
	fs   vfs.FS
	dir  string
	meta byte

	first  *batch            // of all logs
	next   uint64            // the number that the next batch must have; 0: any
	last   map[string][]byte // the newest values of the keys of Config.Meta
	beyond map[string][]byte // likewise, of what can be read behind the damage
	limits map[string]int64  // as in view
	damage []error
	closed bool // the newest log was closed
}

// readAll reads the logs with these names, which Pebble would replay in this order.
func (l *logReader) readAll(names []string) error {
	all, err := wal.Scan(wal.Dir{FS: l.fs, Dirname: l.dir})
	if err != nil {
		return err
	}
	l.closed = len(all) == 0
	for i := range all {
		_, path := all[i].SegmentLocation(0)
		if name := l.fs.PathBase(path); slices.Contains(names, name) {
			if err := l.read(all[i], name, path, name == names[len(names)-1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *logReader) read(log wal.LogicalLog, name, path string, newest bool) error {
	r := log.OpenForRead()
	defer r.Close()
	for {
		rec, at, err := r.NextRecord()
		var b []byte
		if err == nil {
			b, err = io.ReadAll(rec)
		}
		if err != nil {
			return l.endLog(log, name, path, at.Physical, newest, err)
		}
		found, ok := parseBatch(b, l.meta)
		switch {
		case !ok:
			l.damaged(name, at.Physical, "it has a record that cannot be read")
		case l.next > 0 && found.seq != l.next:
			l.damaged(name, at.Physical, "what was recorded before it is missing")
		}
		l.add(found)
	}
}

func (l *logReader) add(b batch) {
	to := l.last
	if len(l.damage) > 0 {
		to = l.beyond
	} else {
		if l.first == nil {
			l.first = &b
		}
		l.next = b.seq + b.count
	}
	for key, value := range b.meta {
		to[key] = value
	}
}

// damaged says that a log can be believed up to the offset at, and later ones not at
// all.
func (l *logReader) damaged(name string, at int64, format string, args ...any) {
	if len(l.damage) == 0 {
		l.limits[name] = at
		l.damage = append(l.damage, fmt.Errorf("%s, byte %d: %s", name, at, fmt.Sprintf(format, args...)))
	} else if _, known := l.limits[name]; !known {
		l.limits[name] = 0
	}
}

// endLog looks at how a log ends whose last readable record ends at the offset at.
func (l *logReader) endLog(log wal.LogicalLog, name, path string, at int64, newest bool, end error) error {
	if len(l.damage) > 0 {
		l.damaged(name, 0, "")
	}
	if errors.Is(end, io.EOF) {
		l.closed = true // or it ends behind a record, where no zeros follow
		return nil
	}
	if !isInvalid(end) {
		return end
	}
	l.closed = false
	tail, err := readFrom(l.fs, path, at)
	if err != nil {
		return err
	}
	synced := false
	chunksIn(tail, at, uint32(log.Num), true, func(c chunk) {
		synced = synced || c.synced > at
		if b, ok := parseBatch(c.payload, l.meta); c.whole && ok && synced {
			for key, value := range b.meta {
				l.beyond[key] = value
			}
		}
	})
	switch {
	case synced:
		l.damaged(name, at, "the record there is damaged, and intact ones follow")
	case !isTorn(tail, at):
		l.damaged(name, at, "the record there is damaged or cut")
	case !newest:
		l.damaged(name, at, "its end is missing")
	}
	return nil
}

// isInvalid reports whether err says that a record cannot be read because of what the
// file has, and not because the disk fails.
func isInvalid(err error) bool {
	return errors.Is(err, record.ErrUnexpectedEOF) || errors.Is(err, record.ErrInvalidChunk) ||
		errors.Is(err, record.ErrZeroedChunk) || pebble.IsCorruptionError(err)
}

// readFrom reads what a file has from an offset on.
func readFrom(fs vfs.FS, path string, offset int64) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, max(0, info.Size()-offset))
	n, err := f.ReadAt(b, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
