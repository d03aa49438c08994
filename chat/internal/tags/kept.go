package tags

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Kept is a tag as an export has it.
type Kept struct {
	Seq   journal.Seq     `json:"seq"`            // of the message
	User  string          `json:"user,omitempty"` // empty: the tag is shared
	Tag   string          `json:"tag"`
	Value json.RawMessage `json:"value"`
	By    journal.Seq     `json:"by"` // the entry that has set it
}

// OfWholeRoom returns all tags of a room that entries up to a number have set.
func OfWholeRoom(ctx context.Context, records journal.Records, room string, upTo journal.Seq) (list []Kept, err error) {
	err = records.Scan(ctx, roomKey(room), func(r journal.Record) error {
		if t, ok := parse(room, r); ok && t.by <= upTo {
			list = append(list, Kept{t.seq, t.user, t.tag, t.value, t.by})
		}
		return nil
	})
	return list, err
}

// Restored returns the records of tags of a room, or what is wrong with one. A message has no more of them
// in a list than it can have: twice as many as may be set, since nodes that set some at once may exceed that.
func Restored(room string, list []Kept) (records []journal.Record, err error) {
	type one struct {
		seq       journal.Seq
		user, tag string
	}
	users, different, seen := map[one]int{}, map[journal.Seq]int{}, map[one]bool{}
	for _, k := range list {
		if seen[one{k.Seq, k.User, k.Tag}] {
			return nil, fmt.Errorf("message %d has the tag %q of %q twice", k.Seq, k.Tag, k.User)
		}
		seen[one{k.Seq, k.User, k.Tag}] = true
		of := one{seq: k.Seq, tag: k.Tag}
		if users[of]++; users[of] == 1 {
			different[k.Seq]++
		}
		if different[k.Seq] > 2*MaxTags || users[of] > 2*MaxUsers {
			return nil, fmt.Errorf("message %d has far more than %d different tags, or one of them of far more than %d users", k.Seq, MaxTags, MaxUsers)
		}
		if k.Seq < 1 || k.By <= k.Seq || k.By > journal.MaxSeq || k.User != "" && !wire.IsUserID(k.User) || len(k.Value) > wire.MaxTagValue ||
			k.Tag == "" || wire.TagText.Wrong(k.Tag) != "" {
			return nil, errors.New("a tag must have the seq of a message, a text, and the number of a later entry")
		}
		if s := string(k.Value); s == "" || s == "null" || s == "false" || k.User != "" && s != "true" {
			return nil, errors.New("the value of a tag must be true, or for a shared one something else but null and false")
		}
		if err := wire.CheckBody(k.Value); err != nil {
			return nil, fmt.Errorf("the value of a tag: %w", err)
		}
		stamp := journal.Stamp{Seq: k.By}
		records = append(records, journal.Record{Key: messageKey(room, k.Seq) + k.User + "\x00" + k.Tag, Value: k.Value, Stamp: stamp})
		if k.User == "" && k.Tag == Pin {
			records = append(records, journal.Record{Key: pinKey(room, k.Seq), Value: []byte{}, Stamp: stamp})
		}
	}
	return records, nil
}
