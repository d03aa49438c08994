package readmarks

import (
	"encoding/json"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Mark says how far a user has read a room: up to the entry Seq. In another epoch it
// means nothing. The zero Mark says that nothing was read.
type Mark struct {
	Epoch string      `json:"epoch"`
	Seq   journal.Seq `json:"seq"`
	Count uint64      `json:"count"`          // counting entries up to Seq: what is unread follows from it
	From  journal.Seq `json:"from,omitempty"` // the first entry that the user was shown when they came; 0: it is not known
}

// In returns the mark as it counts in an epoch.
func (m Mark) In(epoch string) Mark {
	if m.Epoch != epoch {
		return Mark{}
	}
	return m
}

// before reports whether a mark that is there moves to another one.
func (m Mark) before(to Mark) bool { return m.In(to.Epoch).Seq < to.Seq }

// with returns what becomes of a mark that is there: the farther of both, and From is
// set once. It returns false if it stays as it is.
func (m Mark) with(to Mark) (_ Mark, changes bool) {
	there := m.In(to.Epoch)
	if there.From != 0 || to.From == 0 {
		to.From = there.From
	}
	if !there.before(to) {
		to.Seq, to.Count = there.Seq, there.Count
	}
	return to, to.Seq != there.Seq || to.From != there.From
}

// Key says whose mark it is.
type Key struct {
	User, Room string
	Guest      bool // the mark is in memory only
	Member     bool // the room is a conversation: its marks do not go for newer ones
}

// Prefixes of records. Neither a user's id nor a room's name has a control character,
// so two keys never have the same record.
const (
	prefix    = "mark\x00"
	ofMembers = "seen\x00" // in conversations
	oldPrefix = "read\x00" // as they were before marks had a count
)

func (k Key) record() string {
	if k.Member {
		return ofMembers + k.User + "\x00" + k.Room
	}
	return prefix + k.User + "\x00" + k.Room
}

func (k Key) oldRecord() string { return oldPrefix + k.User + "\x00" + k.Room }

// parse reads the value of a record; nil is the zero Mark.
func parse(value []byte) (m Mark, err error) {
	if value == nil {
		return m, nil
	}
	if err := json.Unmarshal(value, &m); err != nil {
		return m, fmt.Errorf("read mark: %w", err)
	}
	return m, nil
}

// parseOld is parse for a record without a count. All entries counted then.
func parseOld(value []byte) (Mark, error) {
	m, err := parse(value)
	m.Count = uint64(m.Seq)
	return m, err
}

// Restored returns the record of a mark, for a journal in which there may be none.
func Restored(k Key, m Mark) (journal.Record, error) {
	value, err := json.Marshal(m)
	return journal.Record{Key: k.record(), Value: value}, err
}
