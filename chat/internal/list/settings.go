package list

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Settings are how a user has a conversation in the list. The zero Settings are those of a
// new one.
type Settings struct {
	Silent bool `json:"silent,omitempty"` // it raises no count of what is unread
	Top    bool `json:"top,omitempty"`
	Block  bool `json:"block,omitempty"` // the other one of two says nothing here
	// Hidden hides the row while the room has no more counting entries than that; 0: it is
	// not hidden, but for HiddenEmpty.
	Hidden      uint64 `json:"hidden,omitempty"`
	HiddenEmpty bool   `json:"hidden_empty,omitempty"` // as Hidden, of a room without any
	// Cleared hides the entries up to this one for good, of which ClearedCount count.
	Cleared      journal.Seq `json:"cleared,omitempty"`
	ClearedCount uint64      `json:"cleared_count,omitempty"`
	// Epoch is that of the room when something was hidden or cleared; in another one these
	// mean nothing.
	Epoch string `json:"epoch,omitempty"`
}

// SettingsKey is the key of the record.
func SettingsKey(user, room string) string { return settingsOf(user) + room }

func settingsOf(user string) string { return "row\x00" + user + "\x00" }

// ParseSettings reads the record. One that is not there is the zero Settings.
func ParseSettings(r journal.Record) (s Settings, err error) {
	if r.Value == nil {
		return s, nil
	}
	if err := json.Unmarshal(r.Value, &s); err != nil {
		return s, fmt.Errorf("the record of a row makes no sense: %w", err)
	}
	return s, nil
}

// In returns the settings as they count in an epoch of the room.
func (s Settings) In(epoch string) Settings {
	if s.Epoch != epoch {
		s.Hidden, s.HiddenEmpty, s.Cleared, s.ClearedCount = 0, false, 0, 0
	}
	return s
}

// IsHidden reports whether a row is hidden while its room has so many counting entries.
func (s Settings) IsHidden(count uint64) bool {
	return s.HiddenEmpty && count == 0 || s.Hidden > 0 && count <= s.Hidden
}

// Restored returns the record of settings, for a journal in which there may be none. What
// they hide and clear is of this epoch of the room.
func (s Settings) Restored(user, room, epoch string) (journal.Record, error) {
	s.stamp(epoch)
	value, err := json.Marshal(s)
	return journal.Record{Key: SettingsKey(user, room), Value: value}, err
}

// stamp sets Epoch, if anything means this epoch of the room.
func (s *Settings) stamp(epoch string) {
	s.Epoch = ""
	if s.Hidden > 0 || s.HiddenEmpty || s.Cleared > 0 {
		s.Epoch = epoch
	}
}

// Change are settings to be changed. Nil fields stay.
type Change struct {
	Notify, Top, Hide, Block *bool
	Clear                    bool
}

// Set changes the settings of a conversation, which stands at head now, and returns what
// they are then.
func Set(ctx context.Context, r journal.Records, user, room string, head *journal.Head, c Change) (now Settings, err error) {
	err = r.Update(ctx, SettingsKey(user, room), func(old []byte) ([]byte, error) {
		s, err := ParseSettings(journal.Record{Value: old})
		if err != nil {
			return nil, err
		}
		now = s.In(head.Epoch)
		c.apply(&now, head)
		if old == nil && now == (Settings{}) {
			return nil, nil
		}
		return json.Marshal(now) // also the zero Settings: their stamp says when they changed
	})
	return now, err
}

func (c *Change) apply(s *Settings, head *journal.Head) {
	if c.Notify != nil {
		s.Silent = !*c.Notify
	}
	if c.Top != nil {
		s.Top = *c.Top
	}
	if c.Block != nil {
		s.Block = *c.Block
	}
	if c.Hide != nil {
		s.Hidden, s.HiddenEmpty = 0, false
		if *c.Hide {
			s.Hidden, s.HiddenEmpty = head.Count, head.Count == 0
		}
	}
	if c.Clear {
		s.Cleared, s.ClearedCount = head.Last, head.Count
	}
	s.stamp(head.Epoch)
}
