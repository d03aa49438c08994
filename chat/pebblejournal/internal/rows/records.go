package rows

import (
	"bytes"
	"errors"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
	"github.com/cockroachdb/pebble/v2"
)

// Record returns a record, whose Value is nil if there is none. old says that there may
// be records of format 1.
func Record(db pebble.Reader, old bool, key string) (journal.Record, error) {
	rec, err := recordAt(db, format.AppendRecordKey(nil, key))
	if err == nil && rec.Value == nil && old {
		rec, err = recordAt(db, format.AppendOldRecordKey(nil, key))
	}
	rec.Key = key
	return rec, err
}

func recordAt(db pebble.Reader, key []byte) (rec journal.Record, err error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return rec, nil
	}
	if err != nil {
		return rec, err
	}
	defer closer.Close()
	return format.DecodeRecord(key, value)
}

// Finder looks up several records, as they were at one moment. For them one iterator costs
// less than Record, and no more for a single one. Where a table is damaged it is Record, which
// finds what newer tables have.
type Finder struct {
	// Fixed.
	from *pebble.Snapshot
	iter *pebble.Iterator
	old  bool // there may be records of format 1

	key []byte // of the last one
}

// NewFinder returns one that must be closed. Many records are asked for that are not there: the
// filters of the lowest level say so.
func NewFinder(from *pebble.Snapshot, old bool) (*Finder, error) {
	iter, err := from.NewIter(&pebble.IterOptions{UseL6Filters: true})
	return &Finder{from: from, iter: iter, old: old}, err
}

// Close ends it.
func (f *Finder) Close() { _ = f.iter.Close() } // Record has returned its errors

// Record is like the function Record.
func (f *Finder) Record(key string) (rec journal.Record, err error) {
	if rec, err = f.record(key); pebble.IsCorruptionError(err) {
		return Record(f.from, f.old, key)
	}
	return rec, err
}

func (f *Finder) record(key string) (rec journal.Record, err error) {
	f.key = format.AppendRecordKey(f.key[:0], key)
	rec, err = f.find()
	if err == nil && rec.Value == nil && f.old {
		f.key = format.AppendOldRecordKey(f.key[:0], key)
		rec, err = f.find()
	}
	rec.Key = key
	return rec, err
}

func (f *Finder) find() (rec journal.Record, err error) {
	if !f.iter.SeekPrefixGE(f.key) {
		return rec, f.iter.Error()
	}
	value, err := f.iter.ValueAndErr()
	if err != nil {
		return rec, err
	}
	return format.DecodeRecord(f.key, value)
}

// Scan is a scan of records, of several prefixes one after the other, as of one moment.
type Scan struct {
	// Fixed.
	from    *salvage.Reader // of one moment
	damaged func(error)     // called for each place that cannot be read, and is left out

	stamped, old *salvage.Iter // nil until they are needed; old: there may be records of format 1
	hasOld       bool
}

// NewScan returns a scan, which must be closed. hasOld says that there may be records of
// format 1.
func NewScan(from *salvage.Reader, hasOld bool, damaged func(error)) *Scan {
	return &Scan{from: from, hasOld: hasOld, damaged: damaged}
}

// Close ends the scan.
func (s *Scan) Close() {
	for _, iter := range []*salvage.Iter{s.stamped, s.old} {
		if iter != nil {
			_ = iter.Close() // what it has not said yet, nobody waits for
		}
	}
}

// Each calls each for the records whose keys begin with prefix. It merges the two tables;
// the stamped one wins, though no key should be in both.
func (s *Scan) Each(prefix string, each func(journal.Record) error) error {
	if err := s.seek(&s.stamped, format.AppendRecordKey(nil, prefix)); err != nil {
		return err
	}
	inStamped, inOld := s.stamped.First(), false
	if s.hasOld {
		if err := s.seek(&s.old, format.AppendOldRecordKey(nil, prefix)); err != nil {
			return err
		}
		inOld = s.old.First()
	}
	for inStamped || inOld {
		iter, next := s.stamped, &inStamped
		if !inStamped || inOld && bytes.Compare(s.old.Key()[1:], s.stamped.Key()[1:]) < 0 {
			iter, next = s.old, &inOld
		} else if inOld && bytes.Equal(s.old.Key()[1:], s.stamped.Key()[1:]) {
			inOld = s.old.Next()
		}
		rec, err := format.DecodeRecord(iter.Key(), iter.Value())
		if IsDamage(err) {
			s.damaged(err)
			*next = iter.Next()
			continue
		}
		if err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
		*next = iter.Next()
	}
	if s.old != nil {
		return errors.Join(s.stamped.Error(), s.old.Error())
	}
	return s.stamped.Error()
}

// seek lets an iterator begin at the keys that begin so. One iterator serves all prefixes:
// to open one costs some KiB.
func (s *Scan) seek(iter **salvage.Iter, start []byte) (err error) {
	if *iter == nil {
		*iter, err = salvage.New(s.from, start, format.PrefixEnd(start), s.damaged)
		return err
	}
	(*iter).SetBounds(start, format.PrefixEnd(start))
	return nil
}
