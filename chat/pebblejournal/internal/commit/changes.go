package commit

import (
	"errors"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
)

// ChangeRecord puts a change into the group. Those who watch the record will get it.
func (g *Group) ChangeRecord(key string, value []byte, s journal.Stamp) {
	g.setRecord(key, value, s)
	g.totals.Changes++
	rec := journal.Record{Key: key, Value: value, Stamp: s}
	g.pending[key] = rec
	g.Records = append(g.Records, rec)
}

// Redact puts entries of a room into the group as change makes them.
func (g *Group) Redact(name string, seqs []journal.Seq, change func(*journal.Entry) bool) error {
	r, err := g.Room(name)
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		there, err := g.kept(r, seq)
		if err != nil {
			return err
		}
		if there == nil {
			continue
		}
		e := *there.entry
		if e.Since, e.With = 0, nil; change(&e) {
			there.replace(&e, r)
		}
	}
	return nil
}

// ErrNotEmpty says that a room got an entry before its head could be removed.
var ErrNotEmpty = errors.New("the room is not empty")

// EndRoom removes the keys of a room that has no entries, and its head unless somebody
// follows it.
func (g *Group) EndRoom(name string) error {
	r, err := g.Room(name)
	switch {
	case err != nil:
		return err
	case r.next.Last == 0 || r.dropped:
		return nil // it has no head
	case !r.next.Empty():
		return ErrNotEmpty
	}
	r.forgot = true
	prefix := format.IdemPrefix(name)
	if err := g.batch.DeleteRange(prefix, format.PrefixEnd(prefix), nil); err != nil || !g.rooms.beginEnd(r) {
		return err
	}
	// The next life begins behind all positions of this one.
	g.totals.Position++
	g.totals.DroppedHeads++
	r.next = format.NewRoom(g.totals.Position)
	r.dropped, r.stateChanged = true, false
	return g.batch.Delete(format.AppendRoomKey(nil, name), nil)
}

// Updated returns the position of one more update of a record.
func (g *Group) Updated() journal.Position {
	g.totals.Updates++
	return g.totals.Updates
}

// ForgetTimeline deletes the marks of the timeline below so many bytes.
func (g *Group) ForgetTimeline(below uint64) error {
	return g.batch.DeleteRange(format.TableStart(format.Timeline), format.AppendTimelineKey(nil, below), nil)
}

// Excess are the entries of a room that are to be deleted: From ≤ seq < To.
type Excess struct {
	Room     string
	Born     journal.Position // of the room's life that has them
	From, To journal.Seq
	Size     uint64 // of the room's entries, in bytes
}

// KeyPolicy says what becomes of the idempotency keys of deleted entries.
type KeyPolicy bool

const (
	KeepYoungKeys KeyPolicy = false // they stay until they are KeyLife old
	DropKeys      KeyPolicy = true  // they go too, because there is no room for them
)

// Trim deletes the entries From ≤ seq < To of a room.
type Trim struct {
	Excess
	Keys   []TrimmedKey
	Policy KeyPolicy
}

// TrimmedKey is the idempotency key of an entry that is deleted.
type TrimmedKey struct {
	Seq  journal.Seq
	Hash format.KeyHash
	At   int64 // Unix milliseconds
}

// Apply adds the deletion to a group. Keys that stay get a key in the table Expiry.
func (t *Trim) Apply(g *Group) error {
	r, err := g.Room(t.Room)
	if err != nil {
		return err
	}
	from := r.next.First // somebody else may have trimmed the room meanwhile
	if r.next.Born != t.Born || from < t.From || from >= t.To || t.To > r.next.Last+1 {
		return nil
	}
	last, err := g.meta(r, t.To-1)
	if err != nil {
		return err
	}
	first, err := g.meta(r, t.To)
	if err != nil {
		return err
	}
	g.totals.DeletedEntries += uint64(t.To - from)
	g.totals.DeletedBytes += last.End - r.next.Base
	r.next.First, r.next.FirstAt, r.next.Base, r.next.Dropped = t.To, first.At, last.End, last.Count
	if err := g.batch.DeleteRange(format.EntryKey(t.Room, from), format.EntryKey(t.Room, t.To), nil); err != nil {
		return err
	}
	r.stateChanged = true
	for _, k := range t.Keys {
		if k.Seq < from {
			continue
		}
		if t.Policy == DropKeys || KeyExpired(k.At, g.time) {
			g.deleteKey(t.Room, k.Hash)
		} else {
			_ = g.batch.Set(format.AppendExpiryKey(nil, k.At, t.Room, k.Hash), nil, nil)
		}
	}
	// Readers must not look for these entries any more when they are deleted.
	g.rooms.SetFirst(r, r.next)
	return nil
}

// ForgetFeed deletes the commits of the feed up to a position, which have so many bytes.
func (g *Group) ForgetFeed(last journal.Position, bytes uint64) error {
	g.totals.FeedBytes -= min(bytes, g.totals.FeedBytes)
	g.totals.FeedBegin = max(g.totals.FeedBegin, last)
	return g.batch.DeleteRange(format.TableStart(format.Feed), format.AppendFeedKey(nil, last+1), nil)
}

// Expiry deletes idempotency keys and their keys in the table Expiry.
type Expiry struct {
	Keys       [][]byte // of the table Expiry
	Start, End []byte   // the range of keys
}

// Apply adds the deletion to a group.
func (e *Expiry) Apply(g *Group) error {
	for _, key := range e.Keys {
		at, room, hash, ok := format.CutExpiryKey(key)
		if !ok {
			continue // it is deleted too, and stands for no idempotency key
		}
		// The idempotency key may have been used again since it expired, or restored with its
		// entry.
		seq, used, err := g.KeyReceipt(room, hash)
		if err != nil {
			return err
		}
		if used != at || g.hashes[hash] != nil {
			continue
		}
		kept, err := rows.Has(g.store.DB, format.EntryKey(room, seq))
		if err := g.spare(err); err != nil {
			return err
		}
		if !kept {
			g.deleteKey(room, hash)
		}
	}
	return g.batch.DeleteRange(e.Start, e.End, nil)
}
