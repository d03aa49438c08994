package readmarks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Marks are the read marks of all users. Several goroutines, and several hubs with one
// store, may use them at the same time.
type Marks struct {
	records journal.Records // fixed
	guests  guests
}

// New returns the marks that these records hold.
func New(r journal.Records) *Marks { return &Marks{records: r, guests: newGuests()} }

// Get returns marks in the order asked.
func (m *Marks) Get(ctx context.Context, keys []Key) ([]Mark, error) {
	list := make([]Mark, len(keys))
	var records []string
	for i, k := range keys {
		if k.Guest {
			list[i] = m.guests.get(k)
			continue
		}
		records = append(records, k.record(), k.oldRecord())
	}
	if len(records) == 0 {
		return list, nil
	}
	found, err := m.records.GetMany(ctx, records)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if k.Guest {
			continue
		}
		if list[i], err = newer(found[0].Value, found[1].Value); err != nil {
			return nil, err
		}
		found = found[2:]
	}
	return list, nil
}

// newer returns the mark of two records: the old one counts only without the other.
func newer(value, old []byte) (Mark, error) {
	if value == nil {
		return parseOld(old)
	}
	return parse(value)
}

var errStays = errors.New("the mark stays where it is")

// Move moves a mark to another place, unless it is there or beyond it already, and
// returns where it is now. It sets From if to has one and the mark has none. A user has
// at most limit marks: the one that has not changed for longest goes. The marks of guests
// count for the network from which they come: see access.NetworkKey.
func (m *Marks) Move(ctx context.Context, k Key, from netip.Addr, to Mark, limit int) (at Mark, moved bool, err error) {
	if k.Guest {
		at, moved = m.guests.move(k, from, to)
		return at.In(to.Epoch), moved, nil
	}
	old, err := m.records.Get(ctx, k.oldRecord())
	if err != nil {
		return at, false, err
	}
	isNew := false
	err = m.records.Update(ctx, k.record(), func(there []byte) (_ []byte, err error) {
		if at, err = newer(there, old.Value); err != nil {
			return nil, err
		}
		changed, changes := at.with(to)
		if !changes {
			return nil, errStays
		}
		isNew, moved, at = there == nil, at.before(to), changed
		return json.Marshal(changed)
	})
	switch {
	case err == errStays:
		return at.In(to.Epoch), false, nil
	case err != nil:
		return at.In(to.Epoch), false, err
	}
	if old.Value != nil {
		if err := m.records.Put(ctx, k.oldRecord(), nil); err != nil {
			return at, moved, nil // it does not count any more, and goes with the next move
		}
	}
	if isNew && !k.Member {
		err = m.drop(ctx, k.User, limit)
	}
	return at, moved, err
}

// Scan calls each for the mark of every conversation of a user who is no guest, with the
// stamp of its last change.
func (m *Marks) Scan(ctx context.Context, user string, each func(room string, mark Mark, changed journal.Position)) error {
	all := ofMembers + user + "\x00"
	return m.records.Scan(ctx, all, func(r journal.Record) error {
		mark, err := parse(r.Value)
		each(strings.TrimPrefix(r.Key, all), mark, r.Stamp.Position)
		return err
	})
}

// drop removes the oldest marks of a user who has more than limit. It reads all of
// them, so it is called for a mark that is new only.
func (m *Marks) drop(ctx context.Context, user string, limit int) error {
	var list []journal.Record
	for _, of := range []string{oldPrefix, prefix} {
		err := m.records.Scan(ctx, of+user+"\x00", func(r journal.Record) error {
			list = append(list, journal.Record{Key: r.Key, Stamp: r.Stamp})
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(list) <= limit {
		return nil
	}
	slices.SortStableFunc(list, func(a, b journal.Record) int { return cmp.Compare(a.Stamp.Position, b.Stamp.Position) })
	for _, r := range list[:len(list)-limit] {
		if err := m.records.Put(ctx, r.Key, nil); err != nil {
			return err
		}
	}
	return nil
}
