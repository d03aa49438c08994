package tags

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Change is a tag that is set or removed.
type Change struct {
	Room  string
	Seq   journal.Seq // of the message
	User  string      // empty: the tag is shared
	Tag   string
	Value []byte // nil: it is removed
}

// Records returns the records of a change; nil if it changes nothing. The error has the
// code too_many. Two nodes may pass a limit together, by what they do at the same time.
func (c *Change) Records(ctx context.Context, records journal.Records) ([]journal.Record, error) {
	key := messageKey(c.Room, c.Seq)
	key += c.User + "\x00" + c.Tag
	there, err := records.Get(ctx, key)
	if err != nil || bytes.Equal(there.Value, c.Value) && (there.Value == nil) == (c.Value == nil) {
		return nil, err
	}
	if there.Value == nil {
		if err := c.hasPlace(ctx, records); err != nil {
			return nil, err
		}
	}
	with := []journal.Record{{Key: key, Value: c.Value}}
	if c.pins() {
		pin := journal.Record{Key: pinKey(c.Room, c.Seq)}
		if c.Value != nil {
			pin.Value = []byte{}
		}
		with = append(with, pin)
	}
	return with, nil
}

// IsOwn reports whether an entry sets or removes a tag of its sender, which is not shared, and says which.
func IsOwn(e *journal.Entry) bool {
	var t struct {
		Shared bool `json:"shared"`
	}
	return e.Kind == journal.Tag && len(e.Body) > 0 && json.Unmarshal(e.Body, &t) == nil && !t.Shared
}

func (c *Change) pins() bool { return c.User == "" && c.Tag == Pin }

// hasPlace returns why there cannot be one tag more, or nil.
func (c *Change) hasPlace(ctx context.Context, records journal.Records) error {
	different, users := map[string]bool{c.Tag: true}, 1
	err := records.Scan(ctx, messageKey(c.Room, c.Seq), func(r journal.Record) error {
		if t, ok := parse(c.Room, r); ok {
			different[t.tag] = true
			if t.tag == c.Tag && t.user != "" {
				users++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case len(different) > MaxTags:
		return tooMany("the message has as many different tags as it may have")
	case c.User != "" && users > MaxUsers:
		return tooMany("as many users as may have tagged the message so")
	case !c.pins():
		return nil
	}
	pins, err := countPins(ctx, records, c.Room)
	if err == nil && pins >= MaxPins {
		err = tooMany("the room has as many pins as it may have")
	}
	return err
}

func tooMany(why string) error {
	e := wire.TooMany.Error("")
	e.Field, e.Message = "tag", why
	return e
}

// OfMessage returns the records that erase the tags of a message: as many as one entry
// takes.
func OfMessage(ctx context.Context, records journal.Records, room string, seq journal.Seq) ([]journal.Record, error) {
	list, err := erased(ctx, records, messageKey(room, seq))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return append(list[:min(len(list), atOnce-1)], journal.Record{Key: pinKey(room, seq)}), nil
}

// atOnce is how many records are erased by one entry: their keys have less than
// journal.MaxWithBytes.
const atOnce = journal.MaxWith

// OfRoom returns the entries after which no tag of a room is left. They are for the
// records' sake: they are erased with the room.
func OfRoom(ctx context.Context, records journal.Records, room string) (entries []journal.Entry, err error) {
	list, err := erased(ctx, records, roomKey(room))
	if err != nil {
		return nil, err
	}
	pins, err := erased(ctx, records, pinsKey(room))
	for part := range slices.Chunk(append(list, pins...), atOnce) {
		entries = append(entries, journal.Entry{Room: room, Kind: journal.Tag, Target: 1, With: part})
	}
	return entries, err
}

// erased returns the deletions of all records whose keys begin so.
func erased(ctx context.Context, records journal.Records, prefix string) (list []journal.Record, err error) {
	err = records.Scan(ctx, prefix, func(r journal.Record) error {
		list = append(list, journal.Record{Key: r.Key})
		return nil
	})
	return list, err
}
