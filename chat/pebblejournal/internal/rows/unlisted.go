package rows

import (
	"bytes"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
)

// unlistedStep is how many rooms are looked for before the store is released.
const unlistedStep = 256

// EachUnlisted calls each for the rooms that have entries, and whose states cannot be read: no
// scan of the states finds them. reading calls look with the store, which each does not hold.
func EachUnlisted(reading func(look func(*salvage.Reader) error) error, each func(room string) error) error {
	for next := format.TableStart(format.Entry); next != nil; {
		var rooms []string
		err := reading(func(db *salvage.Reader) (err error) {
			rooms, next, err = unlisted(db, next)
			return err
		})
		if err != nil {
			return err
		}
		for _, room := range rooms {
			if err := each(room); err != nil {
				return err
			}
		}
	}
	return nil
}

// unlisted returns such rooms, and where to go on; nil at the end.
func unlisted(db *salvage.Reader, start []byte) (rooms []string, next []byte, err error) {
	iter, err := salvage.New(db, start, format.TableEnd(format.Entry), nil)
	if err != nil {
		return nil, nil, err
	}
	defer iter.Close()
	at := iter.First()
	for n := 0; at; n++ {
		room, ok := format.CutEntryKey(iter.Key())
		if !ok {
			at = iter.Next()
			continue
		}
		if n == unlistedStep {
			return rooms, bytes.Clone(iter.Key()), nil
		}
		if _, known, err := storedState(db, room); err != nil {
			return nil, nil, err
		} else if !known {
			rooms = append(rooms, room)
		}
		prefix := iter.Key()[:len(iter.Key())-8]
		iter.SetBounds(format.PrefixEnd(prefix), format.TableEnd(format.Entry))
		at = iter.First()
	}
	return rooms, nil, iter.Error()
}
