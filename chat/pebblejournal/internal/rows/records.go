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

// ScanRecords calls each for the records of a moment whose keys begin with prefix. It
// merges the two tables; the stamped one wins, though no key should be in both. hasOld
// says that there may be records of format 1. damaged is called for each place that
// cannot be read, and is left out.
func ScanRecords(from *pebble.Snapshot, hasOld bool, prefix string, damaged func(error), each func(journal.Record) error) error {
	stamped, err := newRecordIter(from, format.AppendRecordKey(nil, prefix), damaged)
	if err != nil {
		return err
	}
	defer stamped.Close()
	old, err := newRecordIter(from, format.AppendOldRecordKey(nil, prefix), damaged)
	if err != nil {
		return err
	}
	defer old.Close()
	inStamped, inOld := stamped.First(), hasOld && old.First()
	for inStamped || inOld {
		iter, next := stamped, &inStamped
		if !inStamped || inOld && bytes.Compare(old.Key()[1:], stamped.Key()[1:]) < 0 {
			iter, next = old, &inOld
		} else if inOld && bytes.Equal(old.Key()[1:], stamped.Key()[1:]) {
			inOld = old.Next()
		}
		rec, err := format.DecodeRecord(iter.Key(), iter.Value())
		if IsDamage(err) {
			damaged(err)
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
	return errors.Join(stamped.Error(), old.Error())
}

func newRecordIter(from *pebble.Snapshot, start []byte, damaged func(error)) (*salvage.Iter, error) {
	return salvage.New(from, start, format.PrefixEnd(start), damaged)
}
