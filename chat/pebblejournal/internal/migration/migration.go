// Package migration brings stores of older formats up to date.
package migration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// Run makes a store of an older format one of the present format. It may be
// interrupted at any time, and begins again then.
func Run(db *failstop.DB, version string, log *zap.Logger) error {
	switch version {
	case format.Version:
		return nil
	case format.FirstVersion:
		m := &renaming{db: db, log: log, records: map[string][]record{}, logAt: time.Now().Add(renamingLogInterval)}
		if err := m.renameAll(); err != nil {
			return fmt.Errorf("bring the store up to date: %w", err)
		}
		// Nothing else is written again: what format 1 has is read as it is.
		if err := db.Set(format.MetaKey(format.MetaFormat), []byte(format.Version), pebble.Sync); err != nil {
			return err
		}
		return db.Failed()
	}
	return fmt.Errorf("its format is %q and this program knows only %q and %q: "+
		"run the newer program that has written it", version, format.FirstVersion, format.Version)
}

// renaming gives rooms of format 1 that begin with @, which are the server's now,
// another name: @x becomes ~@x.
type renaming struct {
	db      *failstop.DB
	log     *zap.Logger
	logAt   time.Time           // when to tell next how far it is
	entries int                 // moved so far
	records map[string][]record // marks, mutes and bans, by the room
	moved   int                 // of these
}

const (
	renamingBatch       = 1000 // entries
	renamingLogInterval = 5 * time.Second
)

func (m *renaming) renameAll() error {
	if err := m.findRecords(); err != nil {
		return err
	}
	rooms, err := m.reservedRooms()
	if err != nil {
		return err
	}
	for _, room := range rooms {
		if err := m.rename(room); err != nil {
			return err
		}
	}
	for room := range m.records { // that have no entries
		name, err := m.newName(room)
		if err != nil {
			return err
		}
		b := m.db.NewBatch()
		m.moveRecords(b, room, name)
		if err := m.commit(b); err != nil {
			return err
		}
	}
	if len(rooms) > 0 || m.moved > 0 {
		m.log.Warn("chat journal: rooms whose names begin with @ got another name: ~ stands before it now",
			zap.Int("rooms", len(rooms)), zap.Int("entries", m.entries), zap.Int("records", m.moved))
	}
	return nil
}

// reservedRooms returns the rooms whose names begin with @. The length of a name
// stands before it, so there is one place to look at for each length.
func (m *renaming) reservedRooms() (names []string, err error) {
	for n := uint64(1); n <= journal.MaxRoom+1; n++ {
		start := append(binary.AppendUvarint([]byte{format.Room}, n), '@')
		err := m.each(start, format.PrefixEnd(start), func(key, _ []byte) error {
			if name, ok := format.CutRoomKey(key); ok {
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// each calls do for the keys from start to end. do must not keep what it gets.
func (m *renaming) each(start, end []byte, do func(key, value []byte) error) error {
	iter, err := m.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		if err := do(iter.Key(), iter.Value()); err != nil {
			return err
		}
	}
	return iter.Error()
}

// rename moves a room. Until the last batch the old room is whole; the new one has its
// head only then.
func (m *renaming) rename(old string) error {
	name, err := m.newName(old)
	if err != nil {
		return err
	}
	b := m.db.NewBatch()
	n := 0
	err = m.each(format.EntryKey(old, 0), format.EntryKey(old, 1<<63), func(key, value []byte) error {
		if n++; n%renamingBatch == 0 {
			if err := m.commit(b); err != nil {
				return err
			}
			b = m.db.NewBatch()
		}
		return moveEntry(b, name, format.EntrySeq(key), value)
	})
	if err != nil {
		b.Close()
		return err
	}
	m.entries += n
	state, err := rows.Get(m.db, format.AppendRoomKey(nil, old))
	if err != nil {
		b.Close()
		return err
	}
	keys := format.IdemPrefix(old)
	_ = b.Set(format.AppendRoomKey(nil, name), state, nil)
	_ = b.Delete(format.AppendRoomKey(nil, old), nil)
	_ = b.DeleteRange(format.EntryKey(old, 0), format.EntryKey(old, 1<<63), nil)
	_ = b.DeleteRange(keys, format.PrefixEnd(keys), nil)
	m.moveRecords(b, old, name)
	return m.commit(b)
}

// moveEntry writes an entry and its idempotency key to a room. The keys of entries that
// are deleted cannot be moved: nothing says what they were made of.
func moveEntry(b *pebble.Batch, room string, seq journal.Seq, value []byte) error {
	meta, user, key, err := format.DecodeKey(value, seq)
	if err != nil {
		return err
	}
	_ = b.Set(format.EntryKey(room, seq), value, nil)
	if key != "" {
		_ = b.Set(format.AppendIdemKey(nil, room, format.HashKey(room, user, key)), format.AppendIdem(nil, seq, meta.At), nil)
	}
	return nil
}

func (m *renaming) commit(b *pebble.Batch) error {
	defer b.Close()
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	if now := time.Now(); now.After(m.logAt) {
		m.logAt = now.Add(renamingLogInterval)
		m.log.Info("chat journal: rooms get other names", zap.Int("entries", m.entries))
	}
	return m.db.Failed()
}

// newName returns a name that no room has: it begins with one ~, or with more if there
// is such a room already. A name that becomes too long loses its end.
func (m *renaming) newName(old string) (string, error) {
	for name := old; ; {
		name = "~" + name
		for len(name) > journal.MaxRoom {
			_, size := utf8.DecodeLastRuneInString(name)
			name = name[:len(name)-size]
		}
		there, err := rows.Get(m.db, format.AppendRoomKey(nil, name))
		if err != nil || there == nil {
			return name, err
		}
	}
}

// record is a mark, mute or ban of a room that begins with @.
type record struct {
	parts []string // of its key, between zeros
	room  int      // which of them is the room
	value []byte
}

// findRecords finds the marks, mutes and bans of rooms that begin with @. A hub names
// them read\0user\0room, mute\0room\0user and ban\0room\0user.
func (m *renaming) findRecords() error {
	return m.each(format.TableStart(format.OldRecord), format.TableEnd(format.OldRecord), func(key, value []byte) error {
		parts := strings.SplitN(string(key[1:]), "\x00", 3)
		at := map[string]int{"read": 2, "mute": 1, "ban": 1}[parts[0]]
		if at > 0 && len(parts) == 3 && journal.IsReserved(parts[at]) {
			room := parts[at]
			m.records[room] = append(m.records[room], record{parts, at, bytes.Clone(value)})
		}
		return nil
	})
}

// moveRecords moves the records of a room, in the batch that moves the room: otherwise
// nobody would know its new name after an interruption.
func (m *renaming) moveRecords(b *pebble.Batch, old, name string) {
	for _, r := range m.records[old] {
		_ = b.Delete(format.AppendOldRecordKey(nil, strings.Join(r.parts, "\x00")), nil)
		r.parts[r.room] = name
		_ = b.Set(format.AppendOldRecordKey(nil, strings.Join(r.parts, "\x00")), r.value, nil)
		m.moved++
	}
	delete(m.records, old)
}
